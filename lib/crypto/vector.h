#ifndef LIB_CRYPTO_VECTOR_H
#define LIB_CRYPTO_VECTOR_H

/*
 * The trusted image is compiled without vector registers, so that a system call need not save the
 * program's. Crypto code that uses them brackets itself with these two. Back ends, chosen by file:
 * vector_xsave.c (image) saves x87/SSE/AVX/AVX-512/ state to the caller's area and gives the crypto
 * code a clean state; vector_none.c (hosted programs) does nothing.
 */
#include <stdint.h>

#define VECTOR_AREA_SIZE 2752 /* XSAVE: legacy 512 + header 64 + AVX, AVX-512; no AMX, no PKRU */

struct vector_area {
    _Alignas(64) uint8_t bytes[VECTOR_AREA_SIZE];
};

void vector_save(struct vector_area *area);
void vector_restore(const struct vector_area *area);

#endif
