#ifndef ENCLAVE_BACKEND_H
#define ENCLAVE_BACKEND_H

/* What the two back ends, enclave/direct and enclave/sgx, provide to machine.c and gate.c. */
#include <stddef.h>
#include <stdint.h>

#include "enclave/thread_block.h"
#include "lib/boundary/hostcall.h"

struct sgx_keyrequest;

struct backend {
    /* Make the call and bring OUT arguments back; the result has been through gate_check_return(). */
    int64_t (*call)(enum hostcall_nr nr, const struct hostcall *hc, const uint64_t r[6]);
    uint64_t transfer_max;
    int (*pages_commit)(uint64_t address, uint64_t size, unsigned prot);
    int (*pages_commit_sparse)(uint64_t address, uint64_t size, unsigned prot);
    int (*pages_protect)(uint64_t address, uint64_t size, unsigned prot);
    int (*pages_release)(uint64_t address, uint64_t size);
    int (*pages_discard)(uint64_t address, uint64_t size);
    int (*pages_map_file)(uint64_t address, uint64_t size, unsigned prot, int flags, int fd, uint64_t offset);
    int (*pages_move)(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size);
    int (*pages_advise)(uint64_t address, uint64_t size, int advice);
    int (*thread_create)(void (*entry)(void *arg), void *arg, struct thread_block **out);
    void (*thread_exit)(void);
    void (*thread_kick)(struct thread_block *tb);
    int (*thread_wait)(struct thread_block *tb, int64_t timeout); /* ns, or PARK_FOREVER; -ETIMEDOUT, -EINTR, 0 */
    void (*thread_wake)(struct thread_block *tb);
    int (*thread_rseq)(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature);
    /* Sleep while *word == value, or just for a moment; wake whoever sleeps on word. Hints only. */
    void (*lock_wait)(const uint32_t *word, uint32_t value);
    void (*lock_wake)(const uint32_t *word);
    void (*exit)(int status);
    int (*random)(void *out, size_t size);
    int (*report)(const void *target_info, const void *data, void *report);
    int (*key)(const struct sgx_keyrequest *request, uint8_t key[16]);
};

extern const struct backend backend_direct, backend_sgx;
extern const struct backend *g_backend; /* set once by the door */

/* Apply the image's own relocations; before anything that uses a pointer table. */
void image_relocate(void);

#endif
