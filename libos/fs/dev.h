#ifndef LIBOS_FS_DEV_H
#define LIBOS_FS_DEV_H

/* /dev: the devices that exist in the machine itself. */
#include <stdint.h>

struct file;

/* /dev/null without a path. */
int dev_open_null(uint32_t flags, struct file **out);

#endif
