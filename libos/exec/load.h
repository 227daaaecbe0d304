#ifndef LIBOS_EXEC_LOAD_H
#define LIBOS_EXEC_LOAD_H

/* Open an ELF file through the file system and map it into an address space. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/elf/elf.h"

struct file;
struct fs_view;
struct mm;

#define LOAD_HEAD_SIZE   4096
#define LOAD_INTERP_MAX  256

struct load_file {
    struct file *file; /* counted */
    uint64_t size;
    uint8_t *head;     /* first head_size bytes */
    uint32_t head_size;
    struct elf_image elf;          /* after load_parse */
    char interpreter[LOAD_INTERP_MAX]; /* PT_INTERP; "" when there is none */
    bool exec_stack;
};

struct load_place {
    uint64_t bias;         /* added to the file's addresses */
    uint64_t entry;        /* guest addresses */
    uint64_t phdr;
    uint64_t low, high;    /* of the whole image, page-aligned; high is where brk may begin */
};

/* Open an executable regular file and read its first bytes. -EACCES: no execute permission or not a regular file. */
int load_open(struct fs_view *fs, const char *path, struct load_file **out);
/* Decode its ELF headers: 0 or -ENOEXEC. */
int load_parse(struct load_file *l);
/* Map its segments. hint: wished base for a position-independent image, 0: anywhere. */
int load_map(struct mm *mm, struct load_file *l, uint64_t hint, struct load_place *out);
void load_close(struct load_file *l); /* NULL is fine */

#endif
