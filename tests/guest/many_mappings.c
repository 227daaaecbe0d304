/*
 * As many mappings as there may be: mmap, mprotect and munmap say ENOMEM when one more would be
 * needed, nothing is lost, and all of it can be given back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096
#define MOST 300000 /* holes: more than vm.max_map_count is anywhere */

static char *g_holes;

/* Give back every other page until that is refused. Returns how many there were. */
static size_t punch(size_t pages)
{
    for (size_t i = 1; i < pages; i += 2)
        if (munmap(g_holes + i * PAGE, PAGE))
            return i;
    return pages;
}

int main(void)
{
    size_t size = (size_t)MOST * PAGE;
    g_holes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (g_holes == MAP_FAILED) /* an enclave of less memory: there is no limit on mappings either */
        return check_result();
    size_t at = punch(MOST);
    if (at < MOST) {
        CHECK_ERRNO(munmap(g_holes + at * PAGE, PAGE), ENOMEM);
        g_holes[at * PAGE] = 1; /* it is still there */
        CHECK_EQ(g_holes[at * PAGE], 1);
        CHECK_ERRNO(mprotect(g_holes + at * PAGE, PAGE, PROT_READ), ENOMEM);
        g_holes[at * PAGE] = 2;
    }
    CHECK_EQ(munmap(g_holes, size), 0);
    char *again = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(again != MAP_FAILED);
    CHECK_EQ(again[at % MOST * PAGE], 0);
    CHECK_EQ(munmap(again, size), 0);
    return check_result();
}
