#ifndef LIB_LINUX_DIRENT_H
#define LIB_LINUX_DIRENT_H

/* Directory entries as getdents64(2) gives them: this header, the name, a NUL, padding to 8 bytes. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"

struct linux_dirent64 {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};
#define LINUX_DIRENT64_NAME 19
static_assert(offsetof(struct linux_dirent64, name) == LINUX_DIRENT64_NAME, "linux_dirent64");

#define LINUX_DIRENT_NAME 18 /* getdents(2): ino, next, size, name, NUL, padding, type in the last byte */

#ifndef DT_UNKNOWN
#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12
#endif

#endif
