#ifndef LIB_LINUX_FCNTL_H
#define LIB_LINUX_FCNTL_H

/* open, fcntl, *at, rename and lock constants of the Linux x86-64 ABI. Source: include/uapi/asm-generic/fcntl.h, linux/fcntl.h, linux/fs.h. */
#include <stdint.h>

#include "lib/base/assert.h"

#ifndef O_ACCMODE
#define O_ACCMODE   00000003
#define O_RDONLY    00000000
#define O_WRONLY    00000001
#define O_RDWR      00000002
#define O_CREAT     00000100
#define O_EXCL      00000200
#define O_NOCTTY    00000400
#define O_TRUNC     00001000
#define O_APPEND    00002000
#define O_NONBLOCK  00004000
#define O_DSYNC     00010000
#define O_ASYNC     00020000
#define O_DIRECT    00040000
#define O_LARGEFILE 00100000
#define O_DIRECTORY 00200000
#define O_NOFOLLOW  00400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define O_SYNC      04010000
#define O_PATH      010000000
#define O_TMPFILE   020200000
#endif
#define LINUX_O_TMPFILE_BIT 020000000

#ifndef AT_FDCWD
#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS          0x200
#define AT_REMOVEDIR        0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000
#define AT_STATX_SYNC_TYPE  0x6000
#endif

#ifndef F_DUPFD
#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_GETLK         5
#define F_SETLK         6
#define F_SETLKW        7
#define F_SETOWN        8
#define F_GETOWN        9
#define FD_CLOEXEC      1
#define F_RDLCK         0
#define F_WRLCK         1
#define F_UNLCK         2
#endif
#ifndef F_SETSIG
#define F_SETSIG        10
#define F_GETSIG        11
#define F_SETOWN_EX     15
#define F_GETOWN_EX     16
#define F_OFD_GETLK     36
#define F_OFD_SETLK     37
#define F_OFD_SETLKW    38
#define F_SETLEASE      1024
#define F_GETLEASE      1025
#define F_NOTIFY        1026
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ    1031
#define F_GETPIPE_SZ    1032
#define F_ADD_SEALS     1033
#define F_GET_SEALS     1034
#endif
#ifndef F_SEAL_SEAL
#define F_SEAL_SEAL         1
#define F_SEAL_SHRINK       2
#define F_SEAL_GROW         4
#define F_SEAL_WRITE        8
#define F_SEAL_FUTURE_WRITE 16
#define F_SEAL_EXEC         32
#endif

/* struct flock of x86-64. */
struct linux_flock {
    int16_t type, whence;
    int32_t pad0;
    int64_t start, length;
    int32_t pid, pad1;
};
static_assert(sizeof(struct linux_flock) == 32, "struct flock of x86-64");

/* F_SETOWN_EX; type: F_OWNER_TID 0, F_OWNER_PID 1, F_OWNER_PGRP 2. */
struct linux_f_owner_ex {
    int32_t type, pid;
};

#ifndef LOCK_SH
#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
#endif

#ifndef SEEK_SET
#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#endif
#ifndef SEEK_DATA
#define SEEK_DATA 3
#define SEEK_HOLE 4
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE  2u
#define RENAME_WHITEOUT  4u
#endif

/* splice(2) and tee(2) */
#define LINUX_SPLICE_F_MOVE     0x01
#define LINUX_SPLICE_F_NONBLOCK 0x02
#define LINUX_SPLICE_F_MORE     0x04
#define LINUX_SPLICE_F_GIFT     0x08

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE      0x01
#define FALLOC_FL_PUNCH_HOLE     0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE     0x10
#define FALLOC_FL_INSERT_RANGE   0x20
#define FALLOC_FL_UNSHARE_RANGE  0x40
#endif

#ifndef R_OK
#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4
#endif

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC       1u
#define MFD_ALLOW_SEALING 2u
#define MFD_HUGETLB       4u
#define MFD_NOEXEC_SEAL   8u
#define MFD_EXEC          16u
#endif

#ifndef RWF_HIPRI
#define RWF_HIPRI  1
#define RWF_DSYNC  2
#define RWF_SYNC   4
#define RWF_NOWAIT 8
#define RWF_APPEND 16
#endif

/* openat2(2) */
struct linux_open_how {
    uint64_t flags, mode, resolve;
};
#define LINUX_RESOLVE_NO_XDEV       0x01u
#define LINUX_RESOLVE_NO_MAGICLINKS 0x02u
#define LINUX_RESOLVE_NO_SYMLINKS   0x04u
#define LINUX_RESOLVE_BENEATH       0x08u
#define LINUX_RESOLVE_IN_ROOT       0x10u
#define LINUX_RESOLVE_CACHED        0x20u

#define CLOSE_RANGE_UNSHARE_ (1u << 1)
#define CLOSE_RANGE_CLOEXEC_ (1u << 2)

#endif
