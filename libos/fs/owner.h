#ifndef LIBOS_FS_OWNER_H
#define LIBOS_FS_OWNER_H

/* Who is sent signals about a file: F_SETOWN, F_SETSIG. */
#include <stdbool.h>
#include <stdint.h>

struct file;

enum file_owner_type { FILE_OWNER_THREAD, FILE_OWNER_PROCESS, FILE_OWNER_GROUP }; /* F_OWNER_* */

/* id 0: nobody. -ESRCH. */
int file_set_owner(struct file *f, enum file_owner_type type, int32_t id);
/* 0: the default, SIGIO. -EINVAL. */
int file_set_signal(struct file *f, uint64_t sig);
/* Something happened on descriptor fd; reason: LINUX_POLL_*. */
void file_signal_owner(struct file *f, int fd, int reason);

/*
 * O_ASYNC on or off, f->mu held: the owner is told, as of descriptor fd, of what file_ops.async names and the file
 * announces on its wait queues. -EOPNOTSUPP: the host announces it; -ENOMEM.
 */
int file_set_async(struct file *f, int fd, bool on);
void file_forget_async(struct file *f); /* the last reference went */

/* What is to be told, copied where nothing may be locked; sent later. */
struct owner_notice {
    int32_t id, fd, reason;
    uint8_t type, signal;
};
struct owner_notice owner_notice_of(const struct file *f, uint32_t events);
void owner_tell(const struct owner_notice *n);

#endif
