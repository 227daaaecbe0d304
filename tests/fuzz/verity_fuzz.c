/*
 * Fuzz the shape of Merkle trees and checking against arbitrary trees: data under a root that was not
 * made for them must never be accepted.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/verity/verity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t file_size;
    struct verity_file v;
    static const uint8_t root[VERITY_ROOT] = { 1 };
    if (size < 16)
        return 0;
    memcpy(&file_size, data, 8);
    struct verity_shape shape;
    verity_shape(file_size, &shape);
    file_size %= 3000000;
    uint64_t first = data[8] | (uint64_t)data[9] << 8;
    uint8_t *tree = calloc(1, verity_tree_size(file_size) + 1);
    void *bitmap = calloc(1, verity_bitmap_size(file_size) + 8);
    size_t n = size < verity_tree_size(file_size) ? size : verity_tree_size(file_size);
    memcpy(tree, data, n);
    if (verity_file_init(&v, file_size, root, tree, bitmap) == 0 && verity_check(&v, first, data, size) == 0)
        abort();
    free(tree);
    free(bitmap);
    return 0;
}
