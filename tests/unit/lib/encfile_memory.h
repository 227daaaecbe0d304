#ifndef TESTS_UNIT_LIB_ENCFILE_MEMORY_H
#define TESTS_UNIT_LIB_ENCFILE_MEMORY_H

/* A host's file in memory, with faults to order, for tests of lib/encfile. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/encfile/encfile.h"

struct memory_file {
    uint8_t *data;
    size_t size, room;
    int *budget;       /* shared countdown of writes; NULL: no faults */
    int error;         /* once it is used up: negative errno of every write */
    bool torn;         /* and the first failing write stores half of its bytes */
    unsigned writes, reads;
    bool frozen;       /* any change is an error of the test */
};

extern const struct encfile_io memory_io;
extern const struct encfile_env memory_env;
extern const uint8_t test_key[ENCFILE_KEY_SIZE];

void memory_load(struct memory_file *m, const char *path);
void memory_copy(struct memory_file *to, const struct memory_file *from);
void memory_free(struct memory_file *m);

/* The vectors' plaintext rule. */
void fill_pattern(uint8_t *buf, uint64_t offset, size_t size);

/* Open with test_key. */
int memory_open(struct memory_file *m, struct memory_file *recovery, const char *path,
                unsigned flags, struct encfile **out, enum encfile_status *status);

/* Seeded, for tests that can be repeated. */
uint32_t test_random(uint32_t *state);

#endif
