/* The trusted side's own address range and its bump allocator. */
#include "enclave/zone.h"

#include <stddef.h>

#include "enclave/zone_alloc.h"
#include "lib/base/bytes.h"

struct zone g_zone;

static uint64_t g_next, g_end; /* atomic: advanced by fetch-add */

void zone_set_arena(uint64_t low, uint64_t high)
{
    g_next = low;
    g_end = high;
}

void *zone_bump(uint64_t size)
{
    size = ALIGN_UP(size, PAGE_SIZE);
    uint64_t at = __atomic_load_n(&g_next, __ATOMIC_RELAXED);
    do {
        if (size > g_end - at)
            return NULL;
    } while (!__atomic_compare_exchange_n(&g_next, &at, at + size, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return (void *)at;
}
