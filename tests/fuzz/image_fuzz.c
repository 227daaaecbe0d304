/* Fuzz the way from an image file to an enclave's pages: ELF, note, layout, every page. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/sgx/image.h"
#include "lib/sgx/layout.h"
#include "lib/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int touch(void *arg, const struct layout_run *run)
{
    uint64_t *end = arg;
    if (run->address < *end || !IS_ALIGNED(run->address, PAGE_SIZE) || !IS_ALIGNED(run->size, PAGE_SIZE))
        abort();
    *end = run->address + run->size;
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; run->content && i < run->size; i++)
        sum ^= run->content[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    struct plan_header header = { .size = sizeof(header), .max_threads = 2, .enclave_size = UINT64_C(1) << 50 };
    struct plan plan = { &header, (const uint8_t *)&header };
    struct elf_image image;
    struct image_note note;
    struct layout layout;
    uint64_t need, end = 0, vaddr;

    if (elf_open(data, size, size, &image) || image_find_note(&image, &note))
        return 0;
    for (uint64_t i = 0; i < note.enclu_count; i++)
        image_enclu_site(&image, &note, i, &vaddr);
    if (layout_compute(&image, note.enclave_entry, &plan, &layout, &need) == 0)
        layout_for_each(&layout, &image, &plan, scratch, touch, &end);
    return 0;
}
