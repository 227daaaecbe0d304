#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

/* The two inputs that are measured, as files in memory: cloister.enclave and the plan. */
#include <stdint.h>

#include "lib/elf/elf.h"
#include "lib/plan/plan.h"

struct image {
    const char *path;
    int fd;
    struct elf_image elf; /* borrows the mapped file */
};

/* Each ends the process with a message that names the file when it is missing or malformed. */
void image_open(const char *path, struct image *out);
/* The plan from offset to the end of the file. Only its head is checked: the enclave checks it all, this side needs no more. */
void image_open_plan(int fd, uint64_t offset, struct plan *out);

/* Read a whole small file: exactly `size` bytes. */
void image_read_exactly(int fd, const char *what, const char *why, void *out, uint64_t size);

#endif
