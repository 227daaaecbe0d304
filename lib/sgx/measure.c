/* MRENCLAVE as arithmetic. Pure; trusts its caller to describe what it builds. */
#include "lib/sgx/measure.h"

#include "lib/base/bytes.h"

/* Where the next `size` bytes of records go. */
static uint8_t *room(struct measure *m, size_t size)
{
    if (size > sizeof(m->buffer) - m->used) {
        sha256_update(&m->hash, m->buffer, m->used);
        m->used = 0;
    }
    uint8_t *at = m->buffer + m->used;
    m->used += size;
    return at;
}

/*
 * A record begins with the instruction's name, padded with zeros to eight bytes; numbers follow, and zeros. Written where
 * it waits, a word at a time: a large heap is hundreds of thousands of records.
 */
static uint8_t *record(struct measure *m, const char name[8], uint64_t second, uint64_t third)
{
    uint8_t *at = room(m, MEASURE_RECORD);

    store_le64(at, load_le64((const uint8_t *)name));
    store_le64(at + 8, second);
    store_le64(at + 16, third);
    for (size_t i = 24; i < MEASURE_RECORD; i += 8)
        store_le64(at + i, 0);
    return at;
}

void measure_ecreate(struct measure *m, uint32_t ssa_frame_size, uint64_t size)
{
    sha256_init(&m->hash);
    m->used = 0;
    uint8_t *at = record(m, "ECREATE", 0, 0);
    store_le32(at + 8, ssa_frame_size);
    store_le64(at + 12, size);
}

void measure_eadd(struct measure *m, uint64_t offset, uint64_t secinfo_flags)
{
    record(m, "EADD\0\0\0", offset, secinfo_flags); /* the other 40 hashed bytes of SECINFO must be zero */
}

void measure_eextend(struct measure *m, uint64_t offset, const uint8_t data[MEASURE_CHUNK])
{
    record(m, "EEXTEND", offset, 0);
    memcpy(room(m, MEASURE_CHUNK), data, MEASURE_CHUNK);
}

void measure_page(struct measure *m, uint64_t offset, uint64_t secinfo_flags,
                  const uint8_t *content, bool measured)
{
    static const uint8_t zero[MEASURE_CHUNK];

    measure_eadd(m, offset, secinfo_flags);
    if (!measured)
        return;
    for (uint64_t i = 0; i < PAGE_SIZE; i += MEASURE_CHUNK)
        measure_eextend(m, offset + i, content ? content + i : zero);
}

void measure_final(struct measure *m, uint8_t mrenclave[SGX_HASH_SIZE])
{
    sha256_update(&m->hash, m->buffer, m->used);
    m->used = 0;
    sha256_final(&m->hash, mrenclave);
}

static int measure_run(void *arg, const struct layout_run *run)
{
    struct measure *m = arg;

    for (uint64_t i = 0; i < run->size; i += PAGE_SIZE)
        measure_page(m, run->address + i, run->secinfo, run->content ? run->content + i : NULL,
                     run->measured);
    return 0;
}

int measure_layout(const struct layout *l, const struct elf_image *image, const struct plan *plan,
                   uint8_t *scratch, uint8_t mrenclave[SGX_HASH_SIZE])
{
    struct measure m;

    measure_ecreate(&m, LAYOUT_SSA_PAGES, l->size);
    int ret = layout_for_each(l, image, plan, scratch, measure_run, &m);
    if (ret == 0)
        measure_final(&m, mrenclave);
    return ret;
}
