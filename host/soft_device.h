#ifndef HOST_SOFT_DEVICE_H
#define HOST_SOFT_DEVICE_H

/*
 * The software SGX device's state: what hardware keeps in the EPCM, the SECS and the TCS pages, out of
 * reach of the enclave. One enclave a process.
 */
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "host/device.h"
#include "host/thread.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/keys.h"

#define SOFT_SITE_SIZE   16 /* bytes of an ENCLU site: the instruction and 13 one-byte NOPs */
#define SOFT_SITE_CALLED 13 /* of these, up to the return address of the call that replaces them */

struct soft_tcs {
    uint64_t busy; /* a logical processor is inside by this TCS */
    uint64_t address, flags;
    uint64_t ossa, oentry, ofsbasgx, ogsbasgx;
    uint32_t cssa, nssa;
};

/* Registers between soft_enter() and soft_enter.S. */
struct soft_entry {
    volatile uint64_t *pending; /* 0x00 */
    uint64_t entry;             /* 0x08 */
    uint64_t fsbase, gsbase;    /* 0x10 0x18 */
    struct sgx_gprsgx *gpr;     /* 0x20 of SSA[CSSA]: gets URSP, URBP */
    uint64_t cssa, tcs;         /* 0x28 0x30 */
    uint64_t reason, a, b;      /* 0x38 0x40 0x48 */
    uint64_t exit, frame;       /* 0x50 0x58: what came back */
};

struct soft_state {
    struct sgx_secs secs;
    uint64_t frame_size; /* SSAFRAMESIZE in bytes */
    uint32_t tcs_count;
    struct soft_tcs *tcs; /* [LAYOUT_MAX_THREADS], in order of EADD */
    struct sgx_platform platform; /* secret: the device key */
    bool has_seccomp; /* Syscall User Dispatch is missing: the fallback catches system calls */
    uint32_t xsave_offset[64], xsave_size[64]; /* of the state components of XCR0, standard format */
};

extern struct soft_state g_soft;

/* soft_enter.S */
void soft_eenter(struct soft_entry *e);
void soft_enclu(void);
extern const char soft_enter_window[], soft_enclu_begin[], soft_enclu_committed[], soft_enclu_trap[], soft_enclu_end[];

/*
 * EREPORT, EGETKEY and the other leaves that are not EEXIT, on the registers in uc.
 * Returns -1 when done; else the vector of the exception that the instruction raises.
 */
int soft_enclu_leaf(struct host_thread *t, ucontext_t *uc);

/* Frame `index` of this TCS. */
static inline uint64_t soft_ssa(const struct soft_tcs *c, uint32_t index)
{
    return g_soft.secs.base + c->ossa + index * g_soft.frame_size;
}

static inline struct sgx_gprsgx *soft_gpr(const struct soft_tcs *c, uint32_t index)
{
    uint64_t end = soft_ssa(c, index) + g_soft.frame_size;
    return (struct sgx_gprsgx *)(uintptr_t)(end - sizeof(struct sgx_gprsgx));
}

static inline bool soft_in_enclave(uint64_t address)
{
    return address - g_soft.secs.base < g_soft.secs.size;
}

/* The device key, before create. It is wiped by the caller. */
void soft_set_key(const uint8_t key[32]);

/* Served parts of the device (soft_run.c), named in device_soft. */

uint64_t soft_enter(struct host_thread *t, uint64_t reason, uint64_t a, uint64_t b, uint64_t *frame);
void soft_prepare(struct host_thread *t);
void soft_resume(struct host_thread *t, ucontext_t *uc);
enum signal_origin soft_interrupted(struct host_thread *t, int *sig, siginfo_t *info, ucontext_t *uc);

#endif
