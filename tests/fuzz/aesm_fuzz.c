/* AESM responses, as any of the three kinds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/aesm/aesm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum aesm_kind kinds[] = { AESM_INIT_QUOTE, AESM_QUOTE_SIZE, AESM_QUOTE };
    for (int i = 0; i < 3; i++) {
        struct aesm_response r;
        if (aesm_decode_response(data, size, kinds[i], &r) == 0 && r.data_size > 0 &&
            (r.data < data || r.data + r.data_size > data + size))
            abort();
    }
    return 0;
}
