#ifndef MANIFEST_IMAGE_FILE_H
#define MANIFEST_IMAGE_FILE_H

/* cloister.enclave, read from a file and checked. */
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/elf.h"
#include "text/problem.h"

struct image_file {
    uint8_t *bytes;
    size_t size;
    struct elf_image elf;
    uint64_t enclave_entry;
};

/* Returns 0; -ENOENT...; -ENOEXEC not an enclave image. */
int image_file_open(const char *path, struct image_file *out, struct problem *why);
void image_file_close(struct image_file *image);

#endif
