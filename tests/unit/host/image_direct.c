/*
 * A tiny image for the launcher's `direct` mode: checks what it was told and what is mapped, prints its
 * arguments, and exits with 42 (or the number of the failed check). Freestanding, static PIE.
 */
#include "host/syscall.h"
#include "lib/boundary/hostcall.h"
#include "lib/boundary/start.h"

int image_entry(struct start *s);

static uint8_t g_zero[3 * 4096]; /* more than the last page of the file */
static uint64_t g_data = 77;

static int is_taken(const struct start *s, uint64_t address)
{
    const struct start_range *r = pointer_to(s->ranges);
    for (uint64_t i = 0; i < s->range_count; i++)
        if (address >= r[i].address && address < r[i].address + r[i].size)
            return 1;
    return 0;
}

static int check(struct start *s, uint64_t stack)
{
    if (s->version != BOUNDARY_VERSION || s->thread_count != 3)
        return 1;
    for (unsigned i = 0; i < sizeof(g_zero); i++)
        if (g_zero[i])
            return 2;
    if (g_data != 77)
        return 3;
    g_data = g_zero[sizeof(g_zero) - 1] = 1;
    if (!is_taken(s, address_of(&g_data)) || !is_taken(s, stack) || !is_taken(s, address_of(s)))
        return 4;
    if (address_of(&g_data) < s->image_start || address_of(&g_data) >= s->image_start + s->image_size)
        return 5;
    if (sys1(__NR_close, 3) != -EBADF)
        return 6;
    if (*(const char *)pointer_to(s->plan) != 'C' || s->plan_size < 200 || !s->envp_size)
        return 7;
    return 42;
}

int image_entry(struct start *s)
{
    int ret = check(s, address_of(__builtin_frame_address(0)));
    sys3(__NR_write, 1, s->argv, s->argv_size);
    sys1(__NR_exit_group, (uint64_t)ret);
    return 0;
}
