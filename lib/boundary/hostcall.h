#ifndef LIB_BOUNDARY_HOSTCALL_H
#define LIB_BOUNDARY_HOSTCALL_H

/*
 * The host-call table: every way out of the enclave, from hostcall.def. Both sides compile it; only
 * the enclave's gate interprets the checks. Numbers are positions in the table: image and launcher
 * come from one build, and the launcher refuses an image whose BOUNDARY_VERSION differs.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/linux/errno.h"

/* With the number of rows: a launcher and an image that differ by a row must not talk to each other. */
#define BOUNDARY_VERSION ((2u << 16) | HC_COUNT)

enum hostcall_arg_kind { ARG_NONE, ARG_VAL, ARG_IN, ARG_OUT, ARG_INOUT };
enum hostcall_ret_kind { RETURNS_ZERO, RETURNS_FD, RETURNS_LEN, RETURNS_COUNT, RETURNS_ANY };

#define HOSTCALL_LEN_STR 0xff /* the length is strlen() + 1 */

struct hostcall_arg {
    uint8_t kind;       /* enum hostcall_arg_kind */
    uint8_t len_from;   /* the length in bytes is this argument's value ... */
    uint16_t len_fixed; /* ... times this when `scaled`, or this alone when it is not 0 */
    uint8_t scaled;
};

struct hostcall {
    const char *name;
    int16_t linux_nr; /* -1: not a Linux system call, the launcher (or enclave/direct) serves it */
    struct {
        uint8_t kind, from; /* RETURNS_LEN, RETURNS_COUNT: at most argument `from` */
    } ret;
    const uint8_t *errors; /* errno values the guest may be told; ends with 0 */
    struct hostcall_arg arg[6];
};

/* clang-format off */
#define VAL             { ARG_VAL, 0, 0, 0 }
#define IN_STR          { ARG_IN, HOSTCALL_LEN_STR, 0, 0 }
#define IN_BUF(i)       { ARG_IN, i, 0, 0 }
#define IN_FIX(n)       { ARG_IN, 0, n, 0 }
#define OUT_BUF(i)      { ARG_OUT, i, 0, 0 }
#define OUT_FIX(n)      { ARG_OUT, 0, n, 0 }
#define INOUT_FIX(n)    { ARG_INOUT, 0, n, 0 }
#define INOUT_ARR(i, n) { ARG_INOUT, i, n, 1 }
#define OUT_ARR(i, n)   { ARG_OUT, i, n, 1 }
#define RET_ZERO        { RETURNS_ZERO, 0 }
#define RET_FD          { RETURNS_FD, 0 }
#define RET_LEN(i)      { RETURNS_LEN, i }
#define RET_COUNT(i)    { RETURNS_COUNT, i }
#define RET_ANY         { RETURNS_ANY, 0 }
/* clang-format on */
#define ERRS(...) ((const uint8_t[]){ __VA_ARGS__, 0 })

enum hostcall_nr {
#define HOSTCALL(name, ...) HC_##name,
#include "lib/boundary/hostcall.def"
#undef HOSTCALL
    HC_COUNT
};

extern const struct hostcall hostcall_table[HC_COUNT];

/* What crosses: numbers only. Lives in untrusted memory; the host reads it, the enclave never does. */
struct hostcall_frame {
    uint64_t nr;
    uint64_t r[6];
};

#endif
