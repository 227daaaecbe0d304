#ifndef LIBOS_FS_DNOTIFY_H
#define LIBOS_FS_DNOTIFY_H

/* fcntl(F_NOTIFY): signals about changes in a directory. */
#include <stdint.h>

struct fdtable;
struct file;

/* arg: DN_*; without any event the watch ends. -ENOTDIR; -ENOMEM. */
int dnotify_set(struct fdtable *t, struct file *f, int fd, uint32_t arg);
/* A descriptor of a file that has been watched so is closed in this table: that ends the watch. */
void dnotify_forget(struct fdtable *t, struct file *f);

#endif
