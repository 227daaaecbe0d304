/*
 * Negative entries. What is kept in an enclave is a path that the measured lists neither allow nor
 * trust, under a policy that denies the rest: if it appeared, the program could not open it anyway,
 * so nothing that it may do depends on the host's second answer, and an importer that looks for a
 * module in ten places leaves the enclave once for each and not every time. In direct, where the
 * lists are not enforced and a name that appears can be opened, it is a path beside trusted files,
 * for as long as their attributes are kept (trusted_attr.h): that directory is said not to change.
 * All other paths are asked for each time: allowed files come and go as others please.
 *
 * A lying host gains nothing: it could as well have said so every time.
 */
#include "libos/fs/absent.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/plan/plan.h"
#include "libos/fs/trusted_attr.h"

#define SLOTS      1024u
#define PATH_ROOM  112u /* longer ones are not kept */

struct slot {
    uint64_t generation;
    int64_t until;   /* direct: the last moment */
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
    size_t at = 0;
    for (; at + 8 <= length; at += 8)
        h = (h ^ load_le64(path + at)) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
    for (; at < length; at++)
        h = (h ^ (uint8_t)path[at]) * UINT64_C(0x100000001b3);
    return &g_slots[(h ^ h >> 32) & (SLOTS - 1)];
}

/* In direct this is asked before any other question: most paths stand beside no trusted file. */
static bool may_be_there(const struct plan_position *place, const char *path, size_t length)
{
    return !place->entry && length && length <= PATH_ROOM &&
           (g_machine.is_enclave ||
            plan_position_has_sibling(&g_machine.plan, place, path, length));
}

static bool may_be_kept(const struct plan_position *place, const char *path, size_t length)
{
    const struct plan *plan = &g_machine.plan;
    return may_be_there(place, path, length) &&
           !(g_machine.is_enclave && plan->h->flags & PLAN_POLICY_ALLOW_ALL) &&
           !plan_is_allowed(plan, path, length);
}

static bool is_of(const struct slot *s, const char *path, size_t length, bool nofollow)
{
    return s->length == length && s->nofollow == nofollow && memcmp(s->path, path, length) == 0;
}

bool absent_get(const struct plan_position *place, const char *path, size_t length, bool nofollow)
{
    if (!__atomic_load_n(&g_slots, __ATOMIC_RELAXED) || !may_be_there(place, path, length))
        return false;
    int64_t now = g_machine.is_enclave ? 0 : clock_monotonic();
    spin_lock(&g_absent_lock);
    const struct slot *s = slot_of(path, length, nofollow);
    bool found = s->generation == g_generation && now < s->until &&
                 is_of(s, path, length, nofollow);
    spin_unlock(&g_absent_lock);
    return found;
}

void absent_seen(const char *path, size_t length)
{
    if (g_machine.is_enclave || !__atomic_load_n(&g_slots, __ATOMIC_RELAXED) || length > PATH_ROOM)
        return;
    spin_lock(&g_absent_lock);
    for (unsigned nofollow = 0; nofollow < 2; nofollow++) {
        struct slot *s = slot_of(path, length, nofollow);
        if (is_of(s, path, length, nofollow))
            s->length = 0;
    }
    spin_unlock(&g_absent_lock);
}

uint64_t absent_begin(void)
{
    return __atomic_load_n(&g_generation, __ATOMIC_ACQUIRE);
}

void absent_put(const struct plan_position *place, const char *path, size_t length, bool nofollow,
                uint64_t begin)
{
    if (!may_be_kept(place, path, length))
        return;
    int64_t until = trusted_attr_until();
    struct slot *fresh = __atomic_load_n(&g_slots, __ATOMIC_ACQUIRE)
                             ? NULL
                             : mem_zalloc(SLOTS * sizeof(*fresh));
    spin_lock(&g_absent_lock);
    if (!g_slots && fresh) {
        __atomic_store_n(&g_slots, fresh, __ATOMIC_RELEASE);
        fresh = NULL;
    }
    if (g_slots && begin == g_generation) {
        struct slot *s = slot_of(path, length, nofollow);
        *s = (struct slot){
            .generation = begin, .until = until, .length = (uint32_t)length, .nofollow = nofollow
        };
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
