#ifndef TESTS_SGX_SAMPLE_H
#define TESTS_SGX_SAMPLE_H

/* A small enclave image and plan, made by hand: see sgx_sample.c for the addresses. */
#include <stdint.h>

#include "lib/elf/elf.h"
#include "lib/plan/plan.h"

#define SAMPLE_IMAGE_SIZE 0x3500
#define SAMPLE_ENTRY      0x1100
#define SAMPLE_NOTE       0x200 /* file offset of the note; its descriptor is 24 bytes further */
#define SAMPLE_PLAN_SIZE  5000

struct sample {
    _Alignas(4096) uint8_t image_bytes[SAMPLE_IMAGE_SIZE];
    _Alignas(4096) uint8_t plan_bytes[SAMPLE_PLAN_SIZE];
    struct elf_image image;
    struct plan plan;
};

/* Fill in s. Returns what elf_open returned. */
int sample_make(struct sample *s, uint64_t enclave_size, uint32_t threads, uint32_t flags);

/* The plan's header, to change before use. */
struct plan_header *sample_header(struct sample *s);

#endif
