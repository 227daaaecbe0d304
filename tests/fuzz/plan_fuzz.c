/* Any bytes to the plan reader; what it accepts must be safe to walk, and paths normalise to a fixed point. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct plan *p)
{
    const struct plan_trusted *t = plan_items(p, p->h->trusted);
    for (uint32_t i = 0; i < p->h->trusted.count; i++)
        if (plan_find_trusted(p, plan_string(p, t[i].path), t[i].path.length) != &t[i])
            abort();
    const struct plan_str *a = plan_items(p, p->h->allowed);
    for (uint32_t i = 0; i < p->h->allowed.count; i++)
        if (!plan_is_allowed(p, plan_string(p, a[i]), a[i].length))
            abort();
}

static void normalise(const uint8_t *data, size_t size)
{
    char once[512], twice[512];
    int64_t n = plan_normalise((const char *)data, size, once, sizeof(once));
    if (n < 0)
        return;
    if (plan_normalise(once, (size_t)n, twice, sizeof(twice)) != n || memcmp(once, twice, (size_t)n) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan p;
    uint8_t *copy = malloc(size ? size : 1); /* aligned, and its end is the end for ASan */
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (plan_open(copy, size, &p) == 0)
        walk(&p);
    free(copy);
    normalise(data, size);
    return 0;
}
