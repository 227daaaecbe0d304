#ifndef ENCLAVE_GATE_HOT_H
#define ENCLAVE_GATE_HOT_H

/*
 * The gate for host calls that programs cause all the time and that never wait: in direct the
 * system call stands in the caller itself (lib/base/inline.h says why). Same arguments, same
 * answers. Not for sendmsg and recvmsg, nor for calls that are not Linux's.
 */
#include "enclave/direct/direct.h"
#include "enclave/gate.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/inline.h"

static IN_LINE int64_t hostcall_hot(enum hostcall_nr nr, const uint64_t r[6])
{
    const struct hostcall *hc = &hostcall_table[nr];
    if (g_machine.is_enclave || __builtin_expect(g_trace & TRACE_HOST, 0))
        return hostcall(nr, r);
    if (hc->ret.kind == RETURNS_LEN && r[hc->ret.from] > DIRECT_TRANSFER_MAX)
        return hostcall(nr, r);
    thread_block()->calls++;
    int64_t ret = direct_sys6((uint64_t)hc->linux_nr, r);
    return gate_check_return(hc, r, ret);
}

#define host_call_hot(name, ...) hostcall_hot(HC_##name, (const uint64_t[6]){ __VA_ARGS__ })

#endif
