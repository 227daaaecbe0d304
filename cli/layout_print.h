#ifndef CLI_LAYOUT_PRINT_H
#define CLI_LAYOUT_PRINT_H

/* The layout and measurement of an enclave as gramine-sgx-sign prints them (specs/sgx-image.md
 * §8.1). */
#include "lib/sgx/layout.h"
#include "manifest/image_file.h"

/* Returns 0 or what layout_for_each() returned. */
int layout_print(const struct layout *l, const struct image_file *image, const struct plan *plan,
                 const uint8_t mrenclave[32]);

#endif
