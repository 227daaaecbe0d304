#ifndef LIB_SGX_IMAGE_H
#define LIB_SGX_IMAGE_H

/*
 * What cloister.enclave says about itself to those who build enclaves from it: an ELF note, so that no
 * symbol table is needed and nothing outside the measured bytes matters.
 *
 * PT_NOTE, name "Cloister", type 1, descriptor struct image_note_desc. Its addresses, and those of the
 * ENCLU table, are distances from the field itself, because the image is position independent and
 * must be readable before (and measured without) relocation. In assembly:
 *
 *         .section .note.cloister, "a", @note
 *         .balign 4
 *         .long 9, 32, 1                     # name size, descriptor size, type
 *         .asciz "Cloister"; .balign 4
 *         .quad enclave_entry - .
 *         .quad enclu_table - .
 *         .quad (enclu_table_end - enclu_table) / 4
 *         .quad 0
 *
 * and after each ENCLU of the image, so that the software device can replace it:
 *
 *     1:  enclu
 *         .pushsection .enclu_table, "a"; .long 1b - .; .popsection
 *
 * The section must be allocated ("a"), so that it has an address and is measured.
 */
#include <stdint.h>

#include "lib/elf/elf.h"

#define IMAGE_NOTE_NAME "Cloister"
#define IMAGE_NOTE_TYPE 1

struct image_note_desc {
    int64_t enclave_entry; /* TCS.OENTRY's code, from this field */
    int64_t enclu_table;   /* array of int32_t, each the distance from itself to an ENCLU */
    uint64_t enclu_count;
    uint64_t reserved; /* 0 */
};

/* Decoded: addresses as in the ELF file (vaddr). */
struct image_note {
    uint64_t enclave_entry;
    uint64_t enclu_table;
    uint64_t enclu_count;
};

/*
 * Find and check the note.
 *
 * image   opened by elf_open() over the whole file
 * Returns 0; -ENOENT no such note; -EINVAL malformed, an entry that is not in executable file bytes,
 * a table that is not in file bytes.
 */
int image_find_note(const struct elf_image *image, struct image_note *out);

/* The vaddr of the i-th ENCLU (i < enclu_count). Returns 0; -EINVAL not an ENCLU in executable bytes. */
int image_enclu_site(const struct elf_image *image, const struct image_note *note, uint64_t i,
                     uint64_t *vaddr);

/*
 * The file bytes behind [vaddr, vaddr + size), which one PT_LOAD having all of `flags` must hold; NULL
 * otherwise.
 */
const uint8_t *image_bytes(const struct elf_image *image, uint64_t vaddr, uint64_t size,
                           uint32_t flags);

#endif
