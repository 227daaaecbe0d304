/*
 * Copies the embedded vDSO into the program's address space. Its PT_LOADs were linked into one page-sized image
 * whose file layout equals its memory layout (checked here), so a copy of the file is the loaded object.
 */
#include "libos/exec/vdso.h"

#include "enclave/clock.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/elf/elf.h"
#include "libos/mm/vma.h"

#define VDSO_SLOT_MAGIC UINT64_C(0x79a1c0de5107c10c)

extern const uint8_t vdso_blob[], vdso_blob_end[];

static bool is_flat(const struct elf_image *e)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (e->segments[i].type == ELF_PT_LOAD &&
            (e->segments[i].offset != e->segments[i].vaddr || e->segments[i].filesz != e->segments[i].memsz))
            return false;
    return true;
}

/* Where the clock page's address goes; 0: nowhere. */
static uint64_t find_slot(uint64_t size)
{
    for (uint64_t at = 0; at + 8 <= size; at += 8)
        if (load_le64(vdso_blob + at) == VDSO_SLOT_MAGIC)
            return at;
    return 0;
}

uint64_t vdso_map(struct mm *mm)
{
    uint64_t size = (uint64_t)(vdso_blob_end - vdso_blob), slot = find_slot(size);
    struct elf_image elf;

    if (elf_open(vdso_blob, size, size, &elf) || !is_flat(&elf) || !slot)
        return 0;
    uint64_t pages = ALIGN_UP(size, PAGE_SIZE);
    uint64_t page = (uintptr_t)g_clock_page;
    uint64_t base = mm_map_internal(mm, page, pages, PAGE_R | PAGE_W | PAGE_X, "[vdso]");
    if (!base || user_write(base, vdso_blob, size) || user_write(base + slot, &page, sizeof(page)) ||
        machine_pages_protect(base, pages, PAGE_R | PAGE_X))
        return 0;
    return base;
}
