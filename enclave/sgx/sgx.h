#ifndef ENCLAVE_SGX_SGX_H
#define ENCLAVE_SGX_SGX_H

/* Inside of the back end for an enclave. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/thread_block.h"
#include "lib/boundary/hostcall.h"

/* frame: in staging. blocks: -EINTR instead when an event is pending. */
int64_t sgx_exit_call(struct hostcall_frame *frame, bool blocks);

/* gate.c: stage arguments, leave, take results. */
int64_t sgx_call(enum hostcall_nr nr, const struct hostcall *hc, const uint64_t r[6]);

/* Copies across the wall, in aligned 8-byte accesses on the untrusted side. false: the enclave-side address faulted. */
bool sgx_copy_out(uint64_t untrusted, const void *src, size_t size);
bool sgx_copy_in(void *dst, uint64_t untrusted, size_t size);

/* Is the range wholly outside the enclave, and not wrapping? */
bool sgx_is_outside(uint64_t address, uint64_t size);

/* thread.c */
int sgx_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out);
_Noreturn void sgx_thread_exit_loop(void);
void sgx_thread_started(void);
void sgx_threads_init(const struct thread_block *first, uint64_t staging, uint32_t count);

#endif
