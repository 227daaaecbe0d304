#ifndef LIBOS_PROC_BANNER_H
#define LIBOS_PROC_BANNER_H

/* The warning at the start of an enclave whose manifest has settings that are not for production (specs/runtime.md §8). */
#include "lib/plan/plan.h"

void banner_print(const struct plan *plan);

#endif
