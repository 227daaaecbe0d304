/*
 * The image relocates itself: it is a static PIE with R_X86_64_RELATIVE relocations only. Runs before
 * anything else, so it must use no pointer that itself needs relocation (everything is hidden, so all
 * addressing is relative to the instruction pointer).
 */
#include "enclave/backend.h"

struct dyn {
    int64_t tag;
    uint64_t value;
};

struct rela {
    uint64_t offset, info;
    int64_t addend;
};

enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_RELATIVE = 8 };

extern const struct dyn _DYNAMIC[] __attribute__((visibility("hidden")));
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

void image_relocate(void)
{
    uint64_t base = (uintptr_t)__ehdr_start, table = 0, size = 0;
    for (const struct dyn *d = _DYNAMIC; d->tag != DT_NULL; d++) {
        if (d->tag == DT_RELA)
            table = base + d->value;
        else if (d->tag == DT_RELASZ)
            size = d->value;
    }
    for (uint64_t at = table; at < table + size; at += sizeof(struct rela)) {
        const struct rela *r = (const struct rela *)at;
        if ((uint32_t)r->info == R_RELATIVE)
            *(uint64_t *)(base + r->offset) = base + (uint64_t)r->addend;
    }
}
