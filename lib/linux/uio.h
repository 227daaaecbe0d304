#ifndef LIB_LINUX_UIO_H
#define LIB_LINUX_UIO_H

/* struct iovec of the x86-64 ABI and its limit. */
#include <stdint.h>

struct linux_iovec {
    uint64_t base, size;
};

#define LINUX_IOV_MAX     1024
#define LINUX_RW_COUNT_MAX UINT64_C(0x7ffff000) /* MAX_RW_COUNT: most bytes one read or write moves */

#endif
