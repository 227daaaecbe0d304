#ifndef LIBOS_FS_NOTIFY_OBJECT_H
#define LIBOS_FS_NOTIFY_OBJECT_H

/* What notify.c and notify_announce.c share. */
#include "libos/fs/notify.h"

struct linux_stat;

/* A watched file. All under g_notify_mu. */
struct notify_object {
    struct list link; /* in its bucket */
    struct list marks;
    struct notify_key key;
    int pin; /* host files: an O_PATH descriptor; -1: none */
};

extern uint32_t g_notify_sides[2];   /* atomic: g_notify_interest, inside and outside */
extern uint32_t g_notify_generation; /* atomic: counts what may make a file watched that was not:
                                        struct file.unwatched */

void notify_forget_answers(void);
struct notify_object *notify_lookup_locked(const struct notify_key *k);
void notify_tell_locked(struct notify_object *o, const struct notify_event *e);
/* IN_DELETE_SELF, then all its marks are gone, and so is the object. */
void notify_gone_locked(struct notify_object *o);
int notify_identify(struct inode *inode, struct linux_stat *st, struct notify_key *key);

#endif
