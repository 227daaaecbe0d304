/*
 * Negative entries. What is kept is a path that the measured lists neither allow nor trust, under a policy that denies
 * the rest: if it appeared, the program could not open it anyway, so nothing that it may do depends on the host's second
 * answer, and an importer that looks for a module in ten places leaves the enclave once for each and not every time. All
 * other paths are asked for each time: allowed files come and go as others please. In direct nothing is kept: there the
 * lists are not enforced and a name that appears can be opened.
 *
 * A lying host gains nothing: it could as well have said so every time.
 */
#include "libos/fs/absent.h"

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/plan/plan.h"

#define SLOTS      1024u
#define PATH_ROOM  112u /* longer ones are not kept */

struct slot {
    uint64_t generation;
    uint32_t length; /* 0: free */
    bool nofollow;
    char path[PATH_ROOM];
};

static struct spinlock g_absent_lock;
static struct slot *g_slots;  /* g_absent_lock */
static uint64_t g_generation; /* g_absent_lock */

static struct slot *slot_of(const char *path, size_t length, bool nofollow)
{
    uint64_t h = length + nofollow;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)path[i]) * UINT64_C(0x100000001b3);
    return &g_slots[(h ^ h >> 32) & (SLOTS - 1)];
}

static bool may_be_kept(const char *path, size_t length)
{
    const struct plan *plan = &g_machine.plan;
    return g_machine.is_enclave && length && length <= PATH_ROOM && !(plan->h->flags & PLAN_POLICY_ALLOW_ALL) &&
           !plan_find_trusted(plan, path, length) && !plan_is_allowed(plan, path, length);
}

bool absent_get(const char *path, size_t length, bool nofollow)
{
    bool found = false;
    if (!__atomic_load_n(&g_slots, __ATOMIC_RELAXED) || !length || length > PATH_ROOM)
        return false;
    spin_lock(&g_absent_lock);
    const struct slot *s = slot_of(path, length, nofollow);
    found = s->length == length && s->nofollow == nofollow && s->generation == g_generation && memcmp(s->path, path, length) == 0;
    spin_unlock(&g_absent_lock);
    return found;
}

uint64_t absent_begin(void)
{
    return __atomic_load_n(&g_generation, __ATOMIC_ACQUIRE);
}

void absent_put(const char *path, size_t length, bool nofollow, uint64_t begin)
{
    if (!may_be_kept(path, length))
        return;
    struct slot *fresh = __atomic_load_n(&g_slots, __ATOMIC_ACQUIRE) ? NULL : mem_zalloc(SLOTS * sizeof(*fresh));
    spin_lock(&g_absent_lock);
    if (!g_slots && fresh) {
        __atomic_store_n(&g_slots, fresh, __ATOMIC_RELEASE);
        fresh = NULL;
    }
    if (g_slots && begin == g_generation) {
        struct slot *s = slot_of(path, length, nofollow);
        *s = (struct slot){ .generation = begin, .length = (uint32_t)length, .nofollow = nofollow };
        memcpy(s->path, path, length);
    }
    spin_unlock(&g_absent_lock);
    mem_free(fresh);
}

void absent_forget(void)
{
    spin_lock(&g_absent_lock);
    __atomic_store_n(&g_generation, g_generation + 1, __ATOMIC_RELEASE);
    spin_unlock(&g_absent_lock);
}
