#ifndef LIBOS_FS_INOTIFY_H
#define LIBOS_FS_INOTIFY_H

/* inotify instances: open files from which events are read. */
#include <stdint.h>

struct file;
struct inode;

/* /proc/sys/fs/inotify; atomic. */
struct inotify_limits {
    uint32_t queued_events, instances, watches;
};
extern struct inotify_limits g_inotify_limits;

/* flags: IN_NONBLOCK. -EMFILE: too many instances. */
int inotify_create(uint32_t flags, struct file **out);
/* The watch's number; -EINVAL: f is no inotify instance; -EEXIST with IN_MASK_CREATE; -ENOSPC. */
int inotify_add(struct file *f, struct inode *inode, uint32_t mask);
int inotify_remove(struct file *f, int wd);
int inotify_check(const struct file *f); /* 0, or -EINVAL */

#endif
