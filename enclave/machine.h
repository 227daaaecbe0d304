#ifndef ENCLAVE_MACHINE_H
#define ENCLAVE_MACHINE_H

/*
 * The small trustworthy machine that libos runs on. Two back ends, enclave/sgx/ (SGX instructions) and
 * enclave/direct/ (a plain process); the door by which the image was entered chose one for good.
 *
 * All return 0 or a negative errno unless stated otherwise. Addresses are page-aligned, sizes in bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/plan/plan.h"

struct thread_block;
struct hostcall_frame;
struct sgx_report;
struct sgx_keyrequest;

enum page_prot { PAGE_NONE = 0, PAGE_R = 1, PAGE_W = 2, PAGE_X = 4 }; /* = Linux PROT_* */

/* The one machine. Set before libos starts, then constant. */
struct machine {
    bool is_enclave;
    struct plan plan;
    uint64_t range_low, range_high;   /* addresses the program may ever have */
    uint64_t image_start, image_end;
    uint32_t thread_max;
    uint64_t cpu_features;            /* enum crypto_feature */
    uint64_t tsc_hz;                  /* 0: use the host's clock */
    uint32_t cpu_count;
    int log_fd;
    int verity_fd;                    /* APP.verity, untrusted; -1: none */
    uint32_t trace, stats;
    const char *hostname;             /* the host's word until libos has looked at it (libos/fs/resolv.h) */
    const struct start_dns *dns;      /* likewise */
    const char *argv, *envp;          /* copies of the host's words: NUL-terminated, end-to-end */
    size_t argv_size, envp_size;
};

extern struct machine g_machine;

/* ---- pages: the address ranges come from enclave/ranges.h, these make them usable */

/* Give zeroed memory with this protection at a free range. -ENOMEM. */
int machine_pages_commit(uint64_t address, uint64_t size, unsigned prot);
/*
 * The same for memory that the program may never touch: an enclave writes zeroes only where there are none yet,
 * so untouched pages of the software device cost nothing. That the host made the pages writable is not
 * shown by it: for the program's own pages, which libos touches through uaccess.h only.
 */
int machine_pages_commit_sparse(uint64_t address, uint64_t size, unsigned prot);
/* Change protection of committed pages. In SGX1-style enclaves this binds only the host's page tables. */
int machine_pages_protect(uint64_t address, uint64_t size, unsigned prot);
/* Give pages back; their content is gone (zeroed at the next commit). */
int machine_pages_release(uint64_t address, uint64_t size);
/* Forget the content, keep the range and protection: reads give zeroes again. An enclave writes the zeroes: -EFAULT
   when the pages are not writable, the caller makes them so first. */
int machine_pages_discard(uint64_t address, uint64_t size);
/*
 * Direct only: map a host file (or, with fd < 0, reserve without access) at address; flags are
 * Linux MAP_SHARED or MAP_PRIVATE. -EOPNOTSUPP in an enclave: the caller then reads the file.
 */
int machine_pages_map_file(uint64_t address, uint64_t size, unsigned prot, int flags, int host_fd, uint64_t offset);
/* Direct only: move a mapping as mremap(MAYMOVE|FIXED) does. -EOPNOTSUPP in an enclave. */
int machine_pages_move(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size);
/* Direct: pass madvise(2) on. In an enclave: 0 and nothing. */
int machine_pages_advise(uint64_t address, uint64_t size, int advice);

/* ---- threads */

/*
 * Start a new machine thread that calls entry(arg) on its own libos stack. Returns its block through
 * *out (before it runs). -EAGAIN when all sgx.max_threads are busy.
 */
int machine_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out);
/* End the calling machine thread; its block may be reused at once. */
_Noreturn void machine_thread_exit(void);
/* Make a thread running user code look at its pending work soon (it gets EVENT_KICK). */
void machine_thread_kick(struct thread_block *tb);
/*
 * Direct only: rseq(2) of the calling thread at the host's kernel, with its errnos. -ENOSYS in an enclave: the host
 * preempts it unseen and resumes it where it was, so nobody could send the thread to its abort handler.
 */
int machine_thread_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature);
/* End everything with this exit status (0..255). */
_Noreturn void machine_exit(int status);

/* ---- randomness, reports, keys */

int machine_random(void *out, size_t size); /* RDRAND in enclaves, getrandom in direct; never fails silently */
/* EREPORT. target_info 512 bytes, data 64, report 432; no alignment asked. -ENOSYS in direct. */
int machine_report(const void *target_info, const void *data, void *report);
/* EGETKEY. -ENOSYS in direct; -EINVAL or -EPERM as the SDM's error codes map. */
int machine_key(const struct sgx_keyrequest *request, uint8_t key[16]);

#endif
