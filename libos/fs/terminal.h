#ifndef LIBOS_FS_TERMINAL_H
#define LIBOS_FS_TERMINAL_H

/* ioctl on host terminals and pipes: the few requests with a known, pointer-free layout of at most 64 bytes. */
#include <stdint.h>

/* arg is the program's raw argument. -ENOTTY for requests that are not in the table. */
int64_t terminal_ioctl(int host_fd, uint32_t command, uint64_t arg);

#endif
