/*
 * One host call from an enclave: arguments are copied to the thread's staging area in untrusted memory,
 * results are copied in once, and only what the table's row allows. The host sees numbers and copies,
 * never an enclave address. gate_check_return() in enclave/gate.h judges the result.
 */
#include "enclave/backend.h"
#include "enclave/cpu.h"
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "enclave/sgx/sgx.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"
#include "lib/boundary/start.h"

size_t uaccess_copy_words(void *dst, const void *src, size_t words);
size_t uaccess_copy(void *dst, const void *src, size_t size);

bool sgx_is_outside(uint64_t address, uint64_t size)
{
    const struct layout_thread *l = &thread_block()->layout;
    uint64_t end;
    return checked_add(address, size, &end) && (end <= l->base || address >= l->base + l->size);
}

/* INTEL-SA-00615: no partial or unaligned store to untrusted memory; staging areas are 16-byte aligned. */
bool sgx_copy_out(uint64_t untrusted, const void *src, size_t size)
{
    uint64_t last = 0;
    size_t words = size / 8, rest = size % 8;

    if (words && uaccess_copy_words((void *)untrusted, src, words))
        return false;
    if (rest) {
        if (uaccess_copy(&last, (const uint8_t *)src + words * 8, rest))
            return false;
        *(volatile uint64_t *)(untrusted + words * 8) = last;
    }
    return true;
}

/* INTEL-SA-00657: no unaligned load from untrusted memory. */
bool sgx_copy_in(void *dst, uint64_t untrusted, size_t size)
{
    size_t words = size / 8, rest = size % 8;

    if (words && uaccess_copy_words(dst, (const void *)untrusted, words))
        return false;
    if (rest) {
        uint64_t last = *(volatile const uint64_t *)(untrusted + words * 8);
        if (uaccess_copy((uint8_t *)dst + words * 8, &last, rest))
            return false;
    }
    return true;
}

/* Bytes that argument i carries; lengths come from our side only. */
static uint64_t arg_length(const struct hostcall_arg *a, const uint64_t *r, uint64_t value)
{
    if (a->len_from == HOSTCALL_LEN_STR && !a->len_fixed)
        return strlen((const char *)value) + 1;
    if (a->scaled)
        return r[a->len_from] <= UINT32_MAX ? r[a->len_from] * a->len_fixed : UINT64_MAX;
    return a->len_fixed ? a->len_fixed : r[a->len_from];
}

struct staged {
    uint64_t at[6], length[6];
};

static int64_t stage_arguments(const struct hostcall *hc, const uint64_t r[6], uint64_t staging, struct hostcall_frame *f, struct staged *s)
{
    uint64_t used = STAGING_DATA;

    for (int i = 0; i < 6; i++) {
        const struct hostcall_arg *a = &hc->arg[i];
        f->r[i] = r[i];
        s->at[i] = 0;
        if (a->kind == ARG_NONE || a->kind == ARG_VAL || r[i] == 0)
            continue;
        uint64_t length = arg_length(a, r, r[i]);
        if (length > STAGING_SIZE - used - 16)
            return -ENOMEM; /* callers split by gate_transfer_max() */
        s->at[i] = staging + used;
        s->length[i] = length;
        used = ALIGN_UP(used + length, 16);
        if (a->kind != ARG_OUT && !sgx_copy_out(s->at[i], (const void *)r[i], length))
            return -EFAULT;
        f->r[i] = s->at[i];
    }
    return 0;
}

static int64_t take_results(const struct hostcall *hc, const uint64_t r[6], const struct staged *s, int64_t ret)
{
    for (int i = 0; i < 6; i++) {
        const struct hostcall_arg *a = &hc->arg[i];
        if (!s->at[i] || (a->kind != ARG_OUT && a->kind != ARG_INOUT))
            continue;
        uint64_t length = s->length[i];
        /* host may lie about length: never take more than was asked; gate_check_return() refuses the lie itself */
        if (a->kind == ARG_OUT && hc->ret.kind == RETURNS_LEN && !a->len_fixed)
            length = MIN(length, (uint64_t)ret);
        if (a->kind == ARG_OUT && hc->ret.kind == RETURNS_COUNT && a->scaled)
            length = (uint64_t)ret <= r[a->len_from] ? (uint64_t)ret * a->len_fixed : 0;
        cpu_speculation_barrier(); /* the length has been decided */
        if (!sgx_copy_in((void *)r[i], s->at[i], length))
            return -EFAULT;
    }
    return ret;
}

static int64_t ask_host(enum hostcall_nr nr, const struct hostcall *hc, const uint64_t r[6])
{
    uint64_t staging = thread_block()->staging;
    struct hostcall_frame f = { .nr = (uint64_t)nr };
    struct staged s;
    int64_t err = stage_arguments(hc, r, staging, &f, &s);
    if (err)
        return err;
    sgx_copy_out(staging, &f, sizeof(f));
    int64_t ret = sgx_exit_call((struct hostcall_frame *)staging, gate_blocks(nr));
    return ret < 0 ? ret : take_results(hc, r, &s, ret);
}

int64_t sgx_call(enum hostcall_nr nr, const struct hostcall *hc, const uint64_t r[6])
{
    int64_t ret = gate_check_return(hc, r, ask_host(nr, hc, r));
    cpu_speculation_barrier(); /* callers index and add by it; not in direct, where the host is trusted */
    return ret;
}
