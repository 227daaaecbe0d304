#ifndef ENCLAVE_THREAD_BLOCK_H
#define ENCLAVE_THREAD_BLOCK_H

/*
 * The thread's own page, at GS base: what the assembly doors need, at fixed offsets. The first part
 * is measured (lib/sgx/layout.h); in direct enclave/direct fills it in.
 */
#define TB_SELF       0x00
#define TB_STACK_TOP  0x08
#define TB_STACK_LOW  0x10
#define TB_SSA        0x18
#define TB_TCS        0x20
#define TB_EVENT_TOP  0x78
#define TB_USER_RSP   0x80
#define TB_ENTRY      0x88 /* trampolines and the vDSO: jmp *%gs:TB_ENTRY with rcx = return address */
#define TB_PENDING    0x90
#define TB_HOST_RSP   0x98
#define TB_HOST_RBP   0xa0
#define TB_EXIT_TO    0xa8
#define TB_CALL_RSP   0xb0
#define TB_STATE      0xb8
#define TB_STAGING    0xc0
#define TB_USER_RIP   0xc8
#define TB_THREAD     0xd0

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/sgx/layout.h"

struct thread;

/* Small blocks that this thread freed and takes again without a lock (heap.c). */
#define HEAP_CACHE_CLASSES 10
struct heap_cache {
    void *free[HEAP_CACHE_CLASSES];
    uint8_t count[HEAP_CACHE_CLASSES];
};

struct thread_block {
    struct layout_thread layout;
    uint64_t user_rsp;       /* scratch of the system-call door */
    uint64_t syscall_entry;  /* where trampolines go */
    uint64_t pending;        /* host signals not yet looked at: bit n-1; set by events, taken by atomic exchange */
    uint64_t host_rsp, host_rbp, exit_to; /* enclave: the host's, as given at the last EENTER */
    uint64_t call_rsp;       /* enclave: stack of the host call under way; 0 when none */
    uint64_t state;          /* enum thread_block_state */
    uint64_t staging;        /* enclave: this thread's untrusted area, checked at start */
    uint64_t user_rip;       /* scratch of the way back into the program */
    struct thread *thread;   /* libos's */
    uint32_t park_token;     /* 1: an unpark came; futex word in direct */
    uint32_t park_sleeping;  /* enum park_sleep */
    uint32_t park_misses, park_sleeps; /* own thread's: looks in vain before sleeps; sleeps until the next look */
    int32_t wake_fd;         /* host eventfd that ends a sleep in ppoll; -1 until first needed */
    int32_t host_tid;        /* direct */
    uint64_t calls;          /* host calls made: for --stats */
    uint64_t traps;          /* events that were a trapped syscall instruction */
    struct heap_cache heap;  /* stays with the block when its thread ends */
};

static_assert(offsetof(struct thread_block, layout.event_top) == TB_EVENT_TOP, "door.S");
static_assert(offsetof(struct thread_block, user_rsp) == TB_USER_RSP, "door.S");
static_assert(offsetof(struct thread_block, syscall_entry) == TB_ENTRY, "door.S");
static_assert(offsetof(struct thread_block, pending) == TB_PENDING, "door.S");
static_assert(offsetof(struct thread_block, exit_to) == TB_EXIT_TO, "door.S");
static_assert(offsetof(struct thread_block, call_rsp) == TB_CALL_RSP, "door.S");
static_assert(offsetof(struct thread_block, state) == TB_STATE, "door.S");
static_assert(offsetof(struct thread_block, staging) == TB_STAGING, "door.S");
static_assert(offsetof(struct thread_block, user_rip) == TB_USER_RIP, "door.S");
static_assert(offsetof(struct thread_block, thread) == TB_THREAD, "door.S");
static_assert(offsetof(struct thread_block, host_rsp) == TB_HOST_RSP, "door.S");

enum thread_block_state { THREAD_FRESH, THREAD_RUNNING };

static inline struct thread_block *thread_block(void)
{
    struct thread_block *tb;
    __asm__("movq %%gs:0, %0" : "=r"(tb));
    return tb;
}
#endif

#endif
