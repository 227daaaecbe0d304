/* The trusted heap over malloc, for tests that need nothing else of the machine. */
#include <stdlib.h>

#include "enclave/heap.h"

void *mem_alloc(size_t size)
{
    return malloc(size);
}

void *mem_zalloc(size_t size)
{
    return calloc(1, size);
}

void *mem_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void mem_free(void *p)
{
    free(p);
}
