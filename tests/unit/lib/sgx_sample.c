/*
 * 0x0000 R--  headers, note at 0x200, ENCLU table at 0x300
 * 0x1000 R-X  entry at 0x1100, ENCLU at 0x1200 and 0x2000, ends in mid-page at 0x2234
 * 0x4300 RW-  data from file offset 0x2300 to the end, bss to 0x7300
 */
#include "sgx_sample.h"

#include <string.h>

static void put_phdr(uint8_t *p, uint32_t type, uint32_t flags, const uint64_t numbers[6])
{
    memcpy(p, &type, 4);
    memcpy(p + 4, &flags, 4);
    memcpy(p + 8, numbers, 48);
}

static void put_note(uint8_t *f)
{
    static const uint32_t head[3] = { 9, 32, 1 };
    int64_t desc[4] = { SAMPLE_ENTRY - (SAMPLE_NOTE + 24), 0x300 - (SAMPLE_NOTE + 32), 2, 0 };
    int32_t sites[2] = { 0x1200 - 0x300, 0x2000 - 0x304 };

    memcpy(f + SAMPLE_NOTE, head, 12);
    memcpy(f + SAMPLE_NOTE + 12, "Cloister", 9);
    memcpy(f + SAMPLE_NOTE + 24, desc, 32);
    memcpy(f + 0x300, sites, 8);
    memcpy(f + 0x1200, "\x0f\x01\xd7", 3);
    memcpy(f + 0x2000, "\x0f\x01\xd7", 3);
}

static void put_image(uint8_t *f)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    static const uint64_t segments[4][6] = {
        /* offset, vaddr, paddr, filesz, memsz, align */
        { 0, 0, 0, 0x400, 0x400, 0x1000 },
        { 0x1000, 0x1000, 0, 0x1234, 0x1234, 0x1000 },
        { 0x2300, 0x4300, 0, 0x1200, 0x3000, 0x1000 },
        { SAMPLE_NOTE, SAMPLE_NOTE, 0, 56, 56, 4 },
    };
    static const uint32_t types[4] = { 1, 1, 1, 4 }, flags[4] = { 4, 5, 6, 4 };

    for (size_t i = 0; i < SAMPLE_IMAGE_SIZE; i++)
        f[i] = (uint8_t)(i * 31 + (i >> 8));
    memset(f, 0, 0x400);
    memcpy(f, ident, 16);
    f[16] = 3, f[18] = 62, f[20] = 1;
    f[32] = 64;
    f[52] = 64, f[54] = 56, f[56] = 4;
    for (int i = 0; i < 4; i++)
        put_phdr(f + 64 + 56 * i, types[i], flags[i], segments[i]);
    put_note(f);
}

struct plan_header *sample_header(struct sample *s)
{
    return (struct plan_header *)s->plan_bytes;
}

int sample_make(struct sample *s, uint64_t enclave_size, uint32_t threads, uint32_t flags)
{
    struct plan_header *h = sample_header(s);

    for (size_t i = 0; i < SAMPLE_PLAN_SIZE; i++)
        s->plan_bytes[i] = (uint8_t)(i * 13);
    memset(h, 0, sizeof(*h));
    memcpy(h->magic, PLAN_MAGIC, 8);
    h->version = PLAN_VERSION;
    h->size = SAMPLE_PLAN_SIZE;
    h->flags = flags;
    h->max_threads = threads;
    h->enclave_size = enclave_size;
    h->attributes_flags = 4;
    h->attributes_xfrm = 3;
    h->attributes_xfrm_mask = 0xfffffffffff9ff1b;
    h->misc_mask = 0xffffffff;
    h->isv_prod_id = 7;
    h->isv_svn = 5;
    s->plan = (struct plan){ h, s->plan_bytes };
    put_image(s->image_bytes);
    return elf_open(s->image_bytes, SAMPLE_IMAGE_SIZE, SAMPLE_IMAGE_SIZE, &s->image);
}
