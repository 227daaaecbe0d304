/*
 * The trusted image: save the program's vector registers, and give crypto code the state that the
 * calling convention promises. AMX and PKRU are left alone: no crypto code touches them.
 */
#include "lib/crypto/vector.h"

#include "lib/base/bytes.h"
#include "lib/crypto/xcr0.h"

#define SAVED (XCR0_X87 | XCR0_AVX512_ALL)

#define XSAVE_HEADER      512
#define XSAVE_HEADER_SIZE 64

void vector_save(struct vector_area *area)
{
    static const uint32_t mxcsr = 0x1f80; /* all exceptions masked, round to nearest */
    uint64_t have = xcr0_read() & SAVED;

    /* XSAVE leaves XCOMP_BV and the reserved words as they are, XRSTOR faults unless they are 0. */
    memset(area->bytes + XSAVE_HEADER, 0, XSAVE_HEADER_SIZE);
    __asm__ volatile("xsave64 %0"
                     : "+m"(*area)
                     : "a"((uint32_t)have), "d"((uint32_t)(have >> 32))
                     : "memory");
    if (have & XCR0_AVX)
        __asm__ volatile("vzeroupper" ::: "memory");
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

void vector_restore(const struct vector_area *area)
{
    uint64_t have = xcr0_read() & SAVED;
    __asm__ volatile("xrstor64 %0"
                     :
                     : "m"(*area), "a"((uint32_t)have), "d"((uint32_t)(have >> 32))
                     : "memory");
}
