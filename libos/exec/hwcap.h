#ifndef LIBOS_EXEC_HWCAP_H
#define LIBOS_EXEC_HWCAP_H

/* AT_HWCAP and AT_HWCAP2. */
#include <stdint.h>

uint64_t hwcap(void);  /* CPUID.1:EDX */
uint64_t hwcap2(void);

#endif
