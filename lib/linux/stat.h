#ifndef LIB_LINUX_STAT_H
#define LIB_LINUX_STAT_H

/* File attributes as the Linux x86-64 ABI passes them. Source: arch/x86/include/uapi/asm/stat.h, include/uapi/linux/stat.h. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/linux/time.h"

#ifndef S_IFMT
#define S_IFMT   0170000
#define S_IFSOCK 0140000
#define S_IFLNK  0120000
#define S_IFREG  0100000
#define S_IFBLK  0060000
#define S_IFDIR  0040000
#define S_IFCHR  0020000
#define S_IFIFO  0010000
#define S_ISUID  0004000
#define S_ISGID  0002000
#define S_ISVTX  0001000
#endif

struct linux_stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad0;
    uint64_t rdev;
    int64_t size, blksize, blocks;
    struct linux_timespec atime, mtime, ctime;
    int64_t unused[3];
};
static_assert(sizeof(struct linux_stat) == 144, "struct stat of x86-64");
static_assert(offsetof(struct linux_stat, rdev) == 40, "struct stat of x86-64");
static_assert(offsetof(struct linux_stat, atime) == 72, "struct stat of x86-64");

struct linux_statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};

struct linux_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad0;
    uint64_t ino, size, blocks, attributes_mask;
    struct linux_statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint32_t dio_mem_align, dio_offset_align;
    uint64_t unused[12];
};
static_assert(sizeof(struct linux_statx) == 256, "struct statx");
static_assert(offsetof(struct linux_statx, rdev_major) == 128, "struct statx");

#define LINUX_STATX_BASIC_STATS 0x7ffu
#define LINUX_STATX_MNT_ID      0x1000u
#define LINUX_STATX_RESERVED    0x80000000u
#define LINUX_STATX_ATTR_MOUNT_ROOT 0x2000u

struct linux_statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct linux_statfs) == 120, "struct statfs of x86-64");

/* statfs.type */
#define LINUX_TMPFS_MAGIC 0x01021994
#define LINUX_PROC_MAGIC  0x9fa0
#define LINUX_SYSFS_MAGIC 0x62656572
#define LINUX_DEVPTS_MAGIC 0x1cd1
#define LINUX_PIPEFS_MAGIC 0x50495045
#define LINUX_SOCKFS_MAGIC 0x534f434b
#define LINUX_ANON_MAGIC   0x09041934

#define LINUX_UTIME_NOW  0x3fffffff
#define LINUX_UTIME_OMIT 0x3ffffffe

#endif
