#ifndef LIB_ELF_ELF_H
#define LIB_ELF_ELF_H

/*
 * Bounds-checked reader of ELF64 x86-64 files: headers and program headers, all a loader needs.
 * Works on the whole file in memory or on its first bytes only (header and program headers).
 */
#include <stddef.h>
#include <stdint.h>

#define ELF_MAX_SEGMENTS 64

enum { ELF_PT_LOAD = 1, ELF_PT_DYNAMIC = 2, ELF_PT_INTERP = 3, ELF_PT_NOTE = 4, ELF_PT_PHDR = 6, ELF_PT_TLS = 7, ELF_PT_GNU_STACK = 0x6474e551 };
enum { ELF_PF_X = 1, ELF_PF_W = 2, ELF_PF_R = 4 };
enum { ELF_ET_EXEC = 2, ELF_ET_DYN = 3 };

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz, align;
};

struct elf_image {
    const uint8_t *bytes; /* borrowed */
    uint64_t size;        /* of the whole file, even if fewer bytes are in memory */
    uint16_t type;        /* ELF_ET_EXEC or ELF_ET_DYN */
    uint64_t entry;
    uint64_t phdr_offset;
    uint32_t count;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    uint64_t low, high; /* lowest and highest PT_LOAD address, page aligned */
};

/*
 * Check and decode the headers.
 *
 * head, head_size   the first bytes of the file; must hold the program headers
 * file_size         size of the file
 * Returns 0; -ENOEXEC not an ELF64 x86-64 executable or malformed: segments out of the file,
 * overlapping, unordered, not congruent to the page size, filesz > memsz, wrapping addresses.
 */
int elf_open(const void *head, size_t head_size, uint64_t file_size, struct elf_image *out);

#endif
