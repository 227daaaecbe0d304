/* What a host answers: byte 0 the row, 1-2 the length asked for, 3-10 the result, the rest what it writes to staging. */
#include <string.h>

#include "tests/unit/enclave/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int g_ready;
    struct lie lie;

    if (!g_ready++)
        hostile_init();
    if (size < 11)
        return 0;
    memcpy(&lie.result, data + 3, 8);
    lie.noise = data + 11;
    lie.noise_size = size - 11;
    hostile_call((enum hostcall_nr)(data[0] % HC_COUNT), (uint64_t)data[1] | (uint64_t)(data[2] & 0x3f) << 8, &lie);
    return 0;
}
