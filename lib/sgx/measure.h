#ifndef LIB_SGX_MEASURE_H
#define LIB_SGX_MEASURE_H

/*
 * MRENCLAVE: SHA-256 over the records that ECREATE, EADD and EEXTEND append (Intel SDM vol. 3D,
 * chapter 38). A caller makes the same calls in the order in which the enclave is built.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/sha256.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/layout.h"

#define MEASURE_RECORD 64
#define MEASURE_CHUNK  256 /* bytes measured by one EEXTEND */

struct measure {
    struct sha256 hash;
    size_t used;
    uint8_t buffer[64 * MEASURE_RECORD]; /* records wait here: a large unmeasured heap is many */
};

/* ssa_frame_size in pages, size of the enclave in bytes. */
void measure_ecreate(struct measure *m, uint32_t ssa_frame_size, uint64_t size);

/* offset is the page's distance from the enclave's base; secinfo_flags as in SECINFO.FLAGS. */
void measure_eadd(struct measure *m, uint64_t offset, uint64_t secinfo_flags);

void measure_eextend(struct measure *m, uint64_t offset, const uint8_t data[MEASURE_CHUNK]);

/* EADD of one page, and its sixteen EEXTENDs if `measured`. content NULL: a zero page. */
void measure_page(struct measure *m, uint64_t offset, uint64_t secinfo_flags,
                  const uint8_t *content, bool measured);

/* The result. m may not be used afterwards. */
void measure_final(struct measure *m, uint8_t mrenclave[SGX_HASH_SIZE]);

/*
 * MRENCLAVE of a whole enclave: what the signer predicts and every launcher must arrive at.
 * scratch: LAYOUT_SCRATCH bytes. Returns 0 or what layout_for_each returned.
 */
int measure_layout(const struct layout *l, const struct elf_image *image, const struct plan *plan,
                   uint8_t *scratch, uint8_t mrenclave[SGX_HASH_SIZE]);

#endif
