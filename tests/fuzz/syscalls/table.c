/* The table of system calls, straight from the library OS's own: a new row is fuzzed at once. */
#define _GNU_SOURCE
#include <string.h>

#include "fuzz.h"

/* clang-format off */
const struct row g_rows[] = {
#define SYS0(nr, name, ...) { nr, 0, { 0 }, #name, { 0 } },
#define SYS1(nr, name, k0, a0, ...) { nr, 1, { K_##k0 }, #name, { #a0 } },
#define SYS2(nr, name, k0, a0, k1, a1, ...) { nr, 2, { K_##k0, K_##k1 }, #name, { #a0, #a1 } },
#define SYS3(nr, name, k0, a0, k1, a1, k2, a2, ...) { nr, 3, { K_##k0, K_##k1, K_##k2 }, #name, { #a0, #a1, #a2 } },
#define SYS4(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, ...) { nr, 4, { K_##k0, K_##k1, K_##k2, K_##k3 }, #name, { #a0, #a1, #a2, #a3 } },
#define SYS5(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, ...) { nr, 5, { K_##k0, K_##k1, K_##k2, K_##k3, K_##k4 }, #name, { #a0, #a1, #a2, #a3, #a4 } },
#define SYS6(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, k5, a5, ...) { nr, 6, { K_##k0, K_##k1, K_##k2, K_##k3, K_##k4, K_##k5 }, #name, { #a0, #a1, #a2, #a3, #a4, #a5 } },
#include "libos/sys/syscalls.def"
};
/* clang-format on */

const unsigned g_row_count = sizeof(g_rows) / sizeof(g_rows[0]);
uint64_t g_counts[sizeof(g_rows) / sizeof(g_rows[0])],
    g_successes[sizeof(g_rows) / sizeof(g_rows[0])];

int row_of(const char *name)
{
    for (unsigned i = 0; i < g_row_count; i++)
        if (!strcmp(g_rows[i].name, name))
            return (int)i;
    return -1;
}
