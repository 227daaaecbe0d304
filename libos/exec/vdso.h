#ifndef LIBOS_EXEC_VDSO_H
#define LIBOS_EXEC_VDSO_H

/* Give the address space its vDSO. Returns the address for AT_SYSINFO_EHDR, or 0: programs do without. */
#include <stdint.h>

struct mm;

uint64_t vdso_map(struct mm *mm);

#endif
