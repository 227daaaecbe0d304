/*
 * AT_HWCAP is CPUID.1:EDX. CPUID is not allowed inside an enclave, so the host is asked, and every
 * x86-64 CPU's minimum is what counts when it does not answer: no program decides safety by it.
 */
#include "libos/exec/hwcap.h"

#include "enclave/gate.h"

#define X86_64_MINIMUM   UINT32_C(0x078bfbff) /* FPU ... SSE2 */
#define HWCAP2_FSGSBASE  2                    /* libos itself cannot run without it */

uint64_t hwcap(void)
{
    uint32_t out[4] = { 0 };
    if (host_call(cpuid, 1, 0, PTR(out)))
        return X86_64_MINIMUM;
    return out[3] | X86_64_MINIMUM;
}

uint64_t hwcap2(void)
{
    return HWCAP2_FSGSBASE;
}
