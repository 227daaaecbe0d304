#ifndef LIBOS_FS_FDTABLE_H
#define LIBOS_FS_FDTABLE_H

/*
 * Descriptor numbers of a process. Looking a descriptor up takes no lock (readers see a table that only
 * grows; entries are reference counted); changing it takes mu.
 */
#include <stdbool.h>
#include <stdint.h>

#include "libos/fs/file.h"

struct fdtable;

struct fdtable *fdtable_new(uint32_t limit);
struct fdtable *fdtable_clone(struct fdtable *t);
void fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t);

/* A counted reference, or NULL (-EBADF). Drop it with file_put. */
struct file *fd_lookup(struct fdtable *t, int fd);
/* The same for calls that need an open file and not only its name: O_PATH is -EBADF too. */
struct file *fd_lookup_open(struct fdtable *t, int fd);
/*
 * The same for the length of one call, uncounted when nobody else could close the descriptor meanwhile (`alone`: the
 * caller is its process's only thread). Drop it with fd_return, before anything that may close descriptors.
 */
struct fd_use {
    struct file *file; /* NULL: -EBADF */
    bool counted;
};
struct fd_use fd_use(struct fdtable *t, int fd, bool alone);
static inline void fd_return(struct fd_use u)
{
    if (u.counted)
        file_put(u.file);
}
/* Lowest free number >= least; takes over the caller's reference to f on success. -EMFILE. */
int fd_install(struct fdtable *t, struct file *f, int least, bool cloexec);
/* dup2: put f at exactly fd, closing what was there; takes over the reference. */
int fd_install_at(struct fdtable *t, struct file *f, int fd, bool cloexec);
int fd_close(struct fdtable *t, int fd);
int fd_close_range(struct fdtable *t, uint32_t first, uint32_t last, bool cloexec_only);
void fd_close_on_exec(struct fdtable *t);
int fd_get_cloexec(struct fdtable *t, int fd);
int fd_set_cloexec(struct fdtable *t, int fd, bool on);
/* Next used number >= fd, or -1: for /proc/self/fd. */
int fd_next(struct fdtable *t, int fd);
void fdtable_set_limit(struct fdtable *t, uint32_t limit);

#endif
