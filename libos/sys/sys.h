#ifndef LIBOS_SYS_SYS_H
#define LIBOS_SYS_SYS_H

/*
 * System calls: argument kinds and prototypes, all from syscalls.def. A handler is
 * `int64_t sys_NAME(` at column 0, in the file of its family; it decodes, copies in, calls the
 * subsystem, copies out. Guest addresses exist here and nowhere below.
 */
#include <stddef.h>
#include <stdint.h>

#include "enclave/uaccess.h"

/* kind -> C type of the handler's parameter. A new kind is one line here and one in trace.c. */
typedef int arg_fd;
typedef int arg_dirfd;
typedef uaddr_t arg_addr;  /* any guest address */
typedef uaddr_t arg_in;    /* guest memory that is read */
typedef uaddr_t arg_out;   /* guest memory that is written */
typedef uaddr_t arg_path;
typedef uaddr_t arg_str;
typedef uint64_t arg_len;
typedef int64_t arg_off;
typedef int arg_int;
typedef unsigned arg_uint;
typedef int64_t arg_long;
typedef uint64_t arg_ulong;
typedef int arg_prot;
typedef int arg_map;
typedef int arg_oflags;
typedef unsigned arg_mode;
typedef int arg_sig;
typedef int arg_pid;
typedef unsigned arg_uid;
typedef int arg_clock;
typedef int arg_atflags;

/* clang-format off */
#define SYS0(nr, name, ...) int64_t sys_##name(void);
#define SYS1(nr, name, k0, a0, ...) int64_t sys_##name(arg_##k0 a0);
#define SYS2(nr, name, k0, a0, k1, a1, ...) int64_t sys_##name(arg_##k0 a0, arg_##k1 a1);
#define SYS3(nr, name, k0, a0, k1, a1, k2, a2, ...) int64_t sys_##name(arg_##k0 a0, arg_##k1 a1, arg_##k2 a2);
#define SYS4(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, ...) int64_t sys_##name(arg_##k0 a0, arg_##k1 a1, arg_##k2 a2, arg_##k3 a3);
#define SYS5(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, ...) int64_t sys_##name(arg_##k0 a0, arg_##k1 a1, arg_##k2 a2, arg_##k3 a3, arg_##k4 a4);
#define SYS6(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, k5, a5, ...) int64_t sys_##name(arg_##k0 a0, arg_##k1 a1, arg_##k2 a2, arg_##k3 a3, arg_##k4 a4, arg_##k5 a5);
#include "libos/sys/syscalls.def"
#undef SYS0
#undef SYS1
#undef SYS2
#undef SYS3
#undef SYS4
#undef SYS5
#undef SYS6
/* clang-format on */

#endif
