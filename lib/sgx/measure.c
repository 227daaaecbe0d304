/* MRENCLAVE as arithmetic. Pure; trusts its caller to describe what it builds. */
#include "lib/sgx/measure.h"

#include "lib/base/bytes.h"

static void append(struct measure *m, const void *data, size_t size)
{
    if (size > sizeof(m->buffer) - m->used) {
        sha256_update(&m->hash, m->buffer, m->used);
        m->used = 0;
    }
    memcpy(m->buffer + m->used, data, size);
    m->used += size;
}

/* The first eight bytes of a record: the instruction's name, padded with zeros. */
static void record_start(uint8_t record[MEASURE_RECORD], const char name[8])
{
    memset(record, 0, MEASURE_RECORD);
    memcpy(record, name, 8);
}

void measure_ecreate(struct measure *m, uint32_t ssa_frame_size, uint64_t size)
{
    uint8_t record[MEASURE_RECORD];

    sha256_init(&m->hash);
    m->used = 0;
    record_start(record, "ECREATE");
    store_le32(record + 8, ssa_frame_size);
    store_le64(record + 12, size);
    append(m, record, sizeof(record));
}

void measure_eadd(struct measure *m, uint64_t offset, uint64_t secinfo_flags)
{
    uint8_t record[MEASURE_RECORD];

    record_start(record, "EADD\0\0\0");
    store_le64(record + 8, offset);
    store_le64(record + 16, secinfo_flags); /* the other 40 hashed bytes of SECINFO must be zero */
    append(m, record, sizeof(record));
}

void measure_eextend(struct measure *m, uint64_t offset, const uint8_t data[MEASURE_CHUNK])
{
    uint8_t record[MEASURE_RECORD];

    record_start(record, "EEXTEND");
    store_le64(record + 8, offset);
    append(m, record, sizeof(record));
    append(m, data, MEASURE_CHUNK);
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
