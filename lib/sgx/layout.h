#ifndef LIB_SGX_LAYOUT_H
#define LIB_SGX_LAYOUT_H

/*
 * Where everything stands in an enclave, and what each page holds: computed by the signer (to predict
 * MRENCLAVE) and by the launcher (to build the enclave), from the image, the plan and nothing else.
 *
 * BASE is 0. From the top of the enclave downwards, each area page-aligned:
 *
 *   plan      the plan's bytes, zero-padded to a page            R--  measured
 *   image     the PT_LOADs of cloister.enclave, unrelocated      R/W/X measured
 *   threads   max_threads times, thread 0 lowest:
 *               guard page (not added)
 *               event stack LAYOUT_EVENT_STACK: stage one only   RW-  not measured
 *               guard page (not added)
 *               stack       LAYOUT_STACK_SIZE                    RW-  not measured
 *               ssa         NSSA frames of LAYOUT_SSA_PAGES      RW-  measured (zero)
 *               tcs         one page                             TCS  measured
 *               thread page one page, GS base; its first bytes
 *                           are struct layout_thread, rest zero  RW-  measured
 *   guard page (not added)
 *   heap      from LAYOUT_HEAP_START up to the guard             RWX  not measured; left out with EDMM
 *
 * Pages are added (EADD) in ascending address order: heap, threads, image, plan.
 */
#include <stdint.h>

#include "lib/elf/elf.h"

#define LAYOUT_HEAP_START  UINT64_C(0x10000)
#define LAYOUT_STACK_SIZE  (UINT64_C(128) << 10)
#define LAYOUT_EVENT_STACK (UINT64_C(16) << 10)
#define LAYOUT_NSSA        2
#define LAYOUT_SSA_PAGES   4 /* one SSA frame = SECS.SSAFRAMESIZE */
#define LAYOUT_MAX_THREADS 4096

/* Bytes from one thread's first guard page to the next thread's. */
#define LAYOUT_SSA_SIZE      (LAYOUT_NSSA * LAYOUT_SSA_PAGES * UINT64_C(4096))
#define LAYOUT_THREAD_STRIDE (4 * UINT64_C(4096) + LAYOUT_EVENT_STACK + LAYOUT_STACK_SIZE + LAYOUT_SSA_SIZE)

/* Start of a thread's GS page. The enclave's struct thread_block begins with it. */
struct layout_thread {
    uint64_t self;        /* 0x00 address of this page */
    uint64_t stack_top;   /* 0x08 */
    uint64_t stack_low;   /* 0x10 */
    uint64_t ssa;         /* 0x18 address of SSA frame 0 */
    uint64_t tcs;         /* 0x20 */
    uint64_t index;       /* 0x28 thread number */
    uint64_t base, size;  /* 0x30 0x38 the enclave's range */
    uint64_t heap_start;  /* 0x40 */
    uint64_t heap_end;    /* 0x48 */
    uint64_t image_start; /* 0x50 */
    uint64_t image_end;   /* 0x58 */
    uint64_t plan;        /* 0x60 */
    uint64_t plan_size;   /* 0x68 */
    uint64_t flags;       /* 0x70 plan flags that matter before the plan is read: PLAN_EDMM, PLAN_DEBUG */
    uint64_t event_top;   /* 0x78 end of the event stack */
};

struct layout {
    uint64_t size;                    /* of the enclave, a power of two */
    uint64_t heap_start, heap_end;
    uint64_t threads, thread_stride;  /* first thread's guard page; bytes per thread */
    uint64_t image, image_size;       /* image is where vaddr 0 of the ELF goes */
    uint64_t plan, plan_pages_size;
    uint64_t entry;                   /* TCS.OENTRY: offset of the enclave entry */
    uint32_t max_threads;
    uint64_t flags;                   /* enum plan_flag */
    uint64_t plan_size;
};

enum layout_page_kind { LAYOUT_PAGE_REG, LAYOUT_PAGE_TCS };

/* A run of pages with the same permissions, in the order of EADD. */
struct layout_run {
    uint64_t address, size;
    uint64_t secinfo; /* SECINFO.FLAGS: type and R/W/X */
    int measured;
    const uint8_t *content; /* borrowed: `size` bytes; NULL: zero pages */
};

typedef int layout_visit(void *arg, const struct layout_run *run);

struct plan;

/*
 * Compute the layout.
 *
 * image   the ELF file of cloister.enclave (static PIE); `enclave_entry` symbol is found by the
 *         program header note or the ELF entry is direct's: see lib/sgx/image.h
 * Returns 0; -EINVAL bad image or plan; -ENOSPC when the enclave size is too small: then *need holds
 * the least enclave size.
 */
int layout_compute(const struct elf_image *image, uint64_t enclave_entry, const struct plan *plan,
                   struct layout *out, uint64_t *need);

/*
 * Visit every run of pages in the order of EADD. `scratch` is caller memory for pages made up on the
 * way (TCS, thread pages, ends of segments): LAYOUT_SCRATCH bytes, reused for each run.
 * Stops at the first visit that returns nonzero and returns that.
 */
#define LAYOUT_SCRATCH (16 * 4096)
int layout_for_each(const struct layout *l, const struct elf_image *image, const struct plan *plan,
                    uint8_t *scratch, layout_visit *visit, void *arg);

#endif
