#ifndef ENCLAVE_CPUID_H
#define ENCLAVE_CPUID_H

/*
 * CPUID for the program and for libos. In an enclave the instruction raises #UD and the host is asked: its answer is
 * checked and bent to what the enclave knows itself (cpuid.c says how), and told once for leaves that do not change.
 * In direct: the CPU's own answer.
 */
#include <stdint.h>

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/* An answer that no CPU gives ends the machine. */
void cpuid_get(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif
