#ifndef LIBOS_FS_LOCKS_H
#define LIBOS_FS_LOCKS_H

/*
 * File locks: POSIX record locks (owner: the descriptor table, as in Linux), open-file-description locks
 * and flock (owner: the open file). They hold among the processes of this instance, not towards the host.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/linux/fcntl.h"

struct fdtable;
struct file;

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

struct lock_request {
    enum lock_kind kind;
    const void *owner;
    int32_t pid;         /* reported to others; -1 for OFD locks */
    int type;            /* F_RDLCK, F_WRLCK, F_UNLCK */
    uint64_t start, end; /* end is the last byte, inclusive */
};

/* Take, change or drop. wait: sleep until it is free. -EAGAIN, -EINTR, -EDEADLK, -ENOLCK. */
int locks_set(struct file *f, const struct lock_request *request, bool wait);
/* Who is in the way: fills in *request; type becomes F_UNLCK when nobody is. */
int locks_get(struct file *f, struct lock_request *request);
/* A descriptor of this table for this file was closed: all its POSIX locks on the file go. */
void locks_close(struct fdtable *t, struct file *f);
/* The last reference to an open file went. */
void locks_release_file(struct file *f);

#endif
