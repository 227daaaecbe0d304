#ifndef LIBOS_FS_ENCRYPTED_OBJECT_H
#define LIBOS_FS_ENCRYPTED_OBJECT_H

/*
 * One open encrypted file, shared by all descriptors, known by its host path. For encrypted*.c only.
 * Lock order: g_encrypted_mu (the table, opening, closing, renaming), then object.mu (its content).
 */
#include "enclave/sync.h"
#include "lib/base/list.h"
#include "libos/fs/vfs.h"

struct encfile;
struct file_key;
struct plan_mount;

/* What an encrypted mount's inodes reach through inode.mount. */
struct encrypted_mount {
    struct mount *mount;
    struct file_key *key;
    bool recovery;
};

struct encrypted_object {
    struct list link;      /* g_encrypted_mu */
    uint32_t refs;         /* g_encrypted_mu */
    bool removed;          /* g_encrypted_mu: the name is gone, nobody finds it any more */
    bool writable;
    int fd, recovery_fd;   /* -1: no recovery file */
    struct mutex mu;
    struct encfile *content; /* mu */
    char *path;            /* g_encrypted_mu */
};

extern struct mutex g_encrypted_mu;

enum object_create { OBJECT_OPEN, OBJECT_CREATE, OBJECT_CREATE_NEW };

/*
 * The object of a host path, opened or created; counted. -EACCES: no key, or the host's bytes are not
 * this file under this key (the log says which).
 */
int encrypted_object_get(const struct encrypted_mount *em, const char *path, enum object_create create, uint32_t mode, bool write,
                         struct encrypted_object **out);
/* The last reference flushes and closes; its error. NULL is fine. */
int encrypted_object_put(struct encrypted_object *o);
/* Only if somebody has it open; counted. */
struct encrypted_object *encrypted_object_find(const char *path);
/* Bind to a new path and rename the host's file. */
int encrypted_object_rename(const struct encrypted_mount *em, const char *from, const char *to, uint32_t flags);
int encrypted_object_unlink(const char *path);

int encrypted_file_open(struct encrypted_object *o, struct dentry *d, uint32_t flags, struct file **out); /* takes o on success */
bool encrypted_is_recovery(const char *name, size_t length);

#define RECOVERY_SUFFIX ".gramine.recovery"

#endif
