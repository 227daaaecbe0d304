#ifndef HOST_DEVICE_H
#define HOST_DEVICE_H

/*
 * An SGX device, real (device_hw.c) or software (device_soft.c): what is done with an enclave before
 * and after EINIT. Everything above this interface is the same in `sgx` and `soft`.
 *
 * Building (start-up, may use libc). Each returns 0 or negative errno unless said otherwise, after a
 * message on stderr:
 *   create     ECREATE; secs is the 4096-byte SECS page
 *   add_pages  EADD (and EEXTEND) of a run of pages, and their host mapping
 *   init       EINIT; 0, an SGX error code (> 0) or negative errno; *why then says in words what is wrong
 *   finish     after EINIT: whatever the device needs of the image; may be NULL
 *
 * Running (served: no libc):
 *   prepare      once on each host thread before its first entry
 *   enter        EENTER; returns enum exit_reason, *frame as the enclave passed it
 *   interrupted  in a signal handler: was it the enclave that the signal interrupted? On true the
 *                interrupted context is the enclave's, saved in its SSA. May rewrite *sig to what
 *                hardware would have made the kernel send
 *   resume       after the event was handled: ERESUME when the handler returns
 *   protect      host page tables of enclave pages
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "host/thread.h"
#include "lib/sgx/layout.h"

enum signal_origin { ORIGIN_HOST, ORIGIN_ENCLAVE, ORIGIN_DONE /* the device has handled it */ };

struct device {
    const char *name;
    int64_t (*create)(const uint8_t *secs);
    int64_t (*add_pages)(const struct layout_run *run);
    int64_t (*init)(const uint8_t *sigstruct, const char **why);
    int64_t (*finish)(const struct elf_image *image, const struct layout *l);
    void (*prepare)(struct host_thread *t);
    uint64_t (*enter)(struct host_thread *t, uint64_t reason, uint64_t a, uint64_t b, uint64_t *frame);
    enum signal_origin (*interrupted)(struct host_thread *t, int *sig, siginfo_t *info, ucontext_t *uc);
    void (*resume)(struct host_thread *t, ucontext_t *uc);
    int64_t (*protect)(uint64_t address, uint64_t size, int prot);
};

extern const struct device device_hw, device_soft;

/* enter_hw.S: where a signal would be lost between collecting the pending bits and EENTER. */
extern const char hw_enter_window[];

#endif
