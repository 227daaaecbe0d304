/*
 * AT_HWCAP is CPUID.1:EDX; every x86-64 CPU's minimum is always in it.
 */
#include "libos/exec/hwcap.h"

#include "enclave/cpuid.h"

#define X86_64_MINIMUM   UINT32_C(0x078bfbff) /* FPU ... SSE2 */
#define HWCAP2_FSGSBASE  2                    /* libos itself cannot run without it */

uint64_t hwcap(void)
{
    uint32_t out[4];
    cpuid_get(1, 0, out);
    return out[CPUID_EDX] | X86_64_MINIMUM;
}

uint64_t hwcap2(void)
{
    return HWCAP2_FSGSBASE;
}
