#ifndef ENCLAVE_GATE_H
#define ENCLAVE_GATE_H

/*
 * The gate: leave for one host call and come back with an answer that has been checked against its
 * row in hostcall.def. Prefix host_ = leaves the enclave. Results are 0, a count or a negative errno.
 *
 * In an enclave arguments are copied to this thread's staging area (at most STAGING_SIZE -
 * STAGING_DATA bytes in all; longer transfers are clipped to it, so reads and writes may be short) and
 * results are copied in once. In direct they pass through unchanged, including user addresses: then
 * the kernel answers -EFAULT for bad ones. In an enclave a buffer argument may be user memory too: it
 * is copied with uaccess (-EFAULT), never dereferenced blindly.
 *
 * A blocking call returns -EINTR when an event for this thread is pending.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/boundary/hostcall.h"

int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6]);

/* host_call(pread64, fd, PTR(buf), size, offset): the remaining arguments are 0. */
#define host_call(name, ...) hostcall(HC_##name, (const uint64_t[6]){ __VA_ARGS__ })
#define PTR(p)               ((uint64_t)(uintptr_t)(p))

/* A negative answer as the call's row allows it, or -EIO. */
int64_t gate_check_error(const struct hostcall *hc, int64_t ret);

/* For back ends: the answer as the call's row allows it, or -EIO. r: the arguments it was asked with. */
static inline int64_t gate_check_return(const struct hostcall *hc, const uint64_t r[6], int64_t ret)
{
    if (ret < 0)
        return gate_check_error(hc, ret);
    switch (hc->ret.kind) {
    case RETURNS_FD: return ret <= INT32_MAX ? ret : -EIO;
    /* host may lie about length: a short reply is fine, a long one is not */
    case RETURNS_LEN:
    case RETURNS_COUNT: return (uint64_t)ret <= r[hc->ret.from] ? ret : -EIO;
    case RETURNS_ANY: return ret;
    default: return ret == 0 ? 0 : -EIO;
    }
}

/* Calls that may sleep: -EINTR when an event is pending. What must not be lost goes by write_now. */
bool gate_blocks(enum hostcall_nr nr);

/* The most bytes one IN or OUT buffer of a call can carry. */
uint64_t gate_transfer_max(void);

#endif
