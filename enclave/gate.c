/*
 * The gate: one way out, and one place where the host's answer is judged by its row in hostcall.def.
 * How the call is made, and how arguments cross, is the back end's (enclave/direct, enclave/sgx), which has its
 * answer judged here before it hands it back.
 */
#include "enclave/gate.h"

#include "enclave/backend.h"
#include "enclave/log.h"
#include "lib/base/bytes.h"

int64_t gate_check_error(const struct hostcall *hc, int64_t ret)
{
    for (const uint8_t *e = hc->errors; *e; e++)
        if (ret == -(int64_t)*e)
            return ret;
    return -EIO;
}

int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6])
{
    const struct hostcall *hc = &hostcall_table[nr];
    uint64_t clipped[6];

    thread_block()->calls++;
    /* Long reads and writes become short ones, as Linux allows; the answer is judged by what was asked for. */
    if (hc->ret.kind == RETURNS_LEN && r[hc->ret.from] > g_backend->transfer_max) {
        memcpy(clipped, r, sizeof(clipped));
        clipped[hc->ret.from] = g_backend->transfer_max;
        r = clipped;
    }
    int64_t ret = g_backend->call(nr, hc, r);
    if (g_trace & TRACE_HOST && nr != HC_write && nr != HC_write_now)
        log_always("host: %s(%#lx, %#lx, %#lx, %#lx) = %ld", hc->name, r[0], r[1], r[2], r[3], ret);
    return ret;
}

bool gate_blocks(enum hostcall_nr nr)
{
    switch (nr) {
    case HC_read:
    case HC_write:
    case HC_flock:
    case HC_ppoll:
    case HC_epoll_pwait:
    case HC_thread_wait: return true;
    default: return false;
    }
}

uint64_t gate_transfer_max(void)
{
    return g_backend->transfer_max;
}
