/* Fuzz lib/elf: whatever opens must keep the promises a loader relies on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/elf/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_image image;
    uint64_t end = 0;

    if (elf_open(data, size, size, &image))
        return 0;
    for (uint32_t i = 0; i < image.count; i++) {
        const struct elf_segment *s = &image.segments[i];
        if (s->type != ELF_PT_LOAD || !s->memsz)
            continue;
        if (s->offset > size || s->filesz > size - s->offset || s->filesz > s->memsz ||
            s->vaddr < end || s->vaddr < image.low || s->vaddr + s->memsz > image.high)
            abort();
        end = s->vaddr + s->memsz;
    }
    return 0;
}
