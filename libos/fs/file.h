#ifndef LIBOS_FS_FILE_H
#define LIBOS_FS_FILE_H

/*
 * An open file description: what a descriptor number refers to. Regular files, directories, devices,
 * pipes, sockets, epoll, eventfd, timerfd, ... are all struct file with one small table of operations.
 * A file object embeds struct file as its first member and finds itself by container_of.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/linux/stat.h"

struct async;
struct dentry;
struct epoll_item;
struct file;
struct iobuf;
struct poll;
struct text;
struct vma;

/* Where getdents entries go. Returns 0, or -ENOSPC when the buffer is full: then the entry is kept for the next call. */
struct dirent_sink {
    int (*emit)(struct dirent_sink *sink, const char *name, size_t length, uint64_t ino, uint8_t type, int64_t next_pos);
};

/*
 * Operations; NULL means what Linux answers for such a file (named at each). All may block unless the
 * file is O_NONBLOCK, and then return -EAGAIN; blocked ones return -EINTR when a signal arrives (the
 * system-call layer restarts them).
 *
 * pos: the offset to use and advance; NULL for files without a position.
 */
struct file_ops {
    const char *kind; /* for /proc/self/fd and traces: "pipe", "socket", ... */
    int64_t (*read)(struct file *f, struct iobuf *b, int64_t *pos);                  /* -EINVAL */
    int64_t (*write)(struct file *f, struct iobuf *b, int64_t *pos);                 /* -EINVAL */
    int64_t (*seek)(struct file *f, int64_t offset, int whence);                     /* -ESPIPE */
    int (*stat)(struct file *f, struct linux_stat *st);                              /* -EBADF */
    /* Ready events now (EPOLL* bits); with p != NULL also register for changes: libos/ipc/poll.h. NULL: always readable and writable. */
    uint32_t (*poll)(struct file *f, struct poll *p);
    /* A file that does not know yet what it is finds out, and takes the operations of its kind. Before poll. Optional. */
    void (*settle)(struct file *f);
    /* arg is the raw argument: a number or a guest address, by command. Uses libos/sys's user_* through sys/ioctl.c helpers only. */
    int64_t (*ioctl)(struct file *f, uint32_t command, uint64_t arg);                /* -ENOTTY */
    int (*getdents)(struct file *f, struct dirent_sink *sink);                       /* -ENOTDIR */
    int (*truncate)(struct file *f, uint64_t size);                                  /* -EINVAL */
    int (*allocate)(struct file *f, int mode, uint64_t offset, uint64_t size);       /* -EOPNOTSUPP */
    int (*sync)(struct file *f, bool data_only);                                     /* -EINVAL */
    /*
     * May this file be mapped so (prot, MAP_SHARED or MAP_PRIVATE)? Fills in the vma's way of getting
     * pages: libos/mm/vma.h. -ENODEV.
     */
    int (*map)(struct file *f, struct vma *vma);
    /* O_APPEND, O_NONBLOCK changed by fcntl(F_SETFL). Optional. */
    int (*set_flags)(struct file *f, uint32_t flags);
    /* A descriptor is closed, perhaps not the last: hand changes on; close(2) returns the error. Optional. */
    int (*flush)(struct file *f);
    /* Lines of /proc/PID/fdinfo/N after the common ones. Optional. */
    void (*fdinfo)(struct file *f, struct text *t);
    /* The host's descriptor in which the host itself has every byte as a read would give it; -1: there is none. Optional. */
    int (*host_source)(struct file *f);
    /*
     * Like write, of what the host has at offset in its descriptor `from`: it moves the bytes itself. 0: there is
     * nothing. -EOPNOTSUPP (also when NULL): not here, write.
     */
    int64_t (*send_from)(struct file *f, int from, int64_t offset, uint64_t count);
    uint32_t async; /* EPOLLIN, EPOLLOUT, EPOLLHUP: what O_ASYNC tells of; 0: it has no effect, as Linux's files without fasync */
    void (*release)(struct file *f); /* last reference went: free it */
};

struct file {
    const struct file_ops *ops;
    uint32_t refs;
    uint32_t flags;        /* O_* : access mode and status flags; changed by fcntl under mu */
    struct mutex mu;       /* guards pos; held over read and write of seekable files */
    int64_t pos;           /* mu */
    bool seekable;         /* has a position: regular files and directories */
    struct dentry *dentry; /* NULL for pipes and the like */
    uint64_t ino;          /* unique number for anonymous files: "pipe:[ino]" */
    uint32_t unwatched;    /* atomic: notify_announce.c: nobody watched it at this g_notify_generation */
    int32_t owner;         /* mu: F_SETOWN: owner.h */
    uint8_t owner_type, signal;
    struct async *async;   /* mu: O_ASYNC: owner.c */
    bool dnotify;          /* F_NOTIFY was used: a close must look */
    struct epoll_item *watchers; /* libos/ipc/epoll.c, its lock; file_put calls epoll_forget() when there are any */
};

void file_init(struct file *f, const struct file_ops *ops, uint32_t flags);
static inline struct file *file_get(struct file *f)
{
    ref_get(&f->refs);
    return f;
}
void file_put(struct file *f); /* NULL is fine */

/* The operation, or what Linux answers when there is none; checks the access mode. */
int64_t file_read(struct file *f, struct iobuf *b, int64_t *pos);
int64_t file_write(struct file *f, struct iobuf *b, int64_t *pos);
int file_stat(struct file *f, struct linux_stat *st);
int file_getdents(struct file *f, struct dirent_sink *sink); /* f->mu held */
int file_truncate(struct file *f, uint64_t size);
int file_allocate(struct file *f, int mode, uint64_t offset, uint64_t size);
/* lseek(2) over a file of a known size without holes: sets f->pos (mu held) and returns it. */
int64_t file_seek_in(struct file *f, int64_t offset, int whence, uint64_t size);
/* Of anonymous files (eventfd, epoll, ...): lseek(2) succeeds and changes nothing, pread and pwrite are -ESPIPE. */
int64_t file_seek_ignored(struct file *f, int64_t offset, int whence);

/* Its operations, once it is known what it is. */
static inline const struct file_ops *file_settled_ops(struct file *f)
{
    if (f->ops->settle)
        f->ops->settle(f);
    return f->ops;
}

static inline bool file_can_read(const struct file *f)
{
    return (f->flags & 3) != 1;
}

static inline bool file_can_write(const struct file *f)
{
    return (f->flags & 3) != 0;
}

#endif
