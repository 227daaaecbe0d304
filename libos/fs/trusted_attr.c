/*
 * A table by plan entry. Only files with a Merkle root are kept: their size is measured, and all else that stat
 * tells is the host's word, today as yesterday. Filled by path only, never by a descriptor, whose file may have lost
 * its name. Any change of names or attributes by the program empties the table: aliases by links need no thought. In
 * direct the size is the host's word too, and an answer gets old (trusted_attr.h).
 */
#include "libos/fs/trusted_attr.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/linux/stat.h"
#include "lib/plan/plan.h"

#define SLOTS 1024u

struct slot {
    const struct plan_trusted *entry; /* NULL: free */
    uint64_t generation;
    int64_t until;
    bool nofollow;
    struct linux_stat st;
};

static struct spinlock g_attr_lock;
static struct slot *g_slots;        /* g_attr_lock */
static uint64_t g_generation;       /* g_attr_lock; read as an atomic */
static bool g_stopped;              /* atomic */

static struct slot *slot_of(const struct plan_trusted *entry)
{
    uint64_t h = ((uintptr_t)entry / sizeof(*entry)) * UINT64_C(0x9e3779b97f4a7c15);
    return &g_slots[h >> 32 & (SLOTS - 1)];
}

int64_t trusted_attr_until(void)
{
    return g_machine.is_enclave ? INT64_MAX : clock_monotonic() + TRUSTED_ATTR_DIRECT_NS;
}

bool trusted_attr_fresh(int64_t until, uint64_t generation)
{
    return generation == trusted_attr_begin() && (g_machine.is_enclave || clock_monotonic() < until);
}

bool trusted_attr_get(const struct plan_trusted *entry, bool nofollow, struct linux_stat *st)
{
    bool found = false;
    if (!entry || !__atomic_load_n(&g_slots, __ATOMIC_RELAXED))
        return false;
    spin_lock(&g_attr_lock);
    if (g_slots) {
        const struct slot *s = slot_of(entry);
        found = s->entry == entry && (s->nofollow || !nofollow) && trusted_attr_fresh(s->until, s->generation);
        if (found)
            *st = s->st;
    }
    spin_unlock(&g_attr_lock);
    return found;
}

uint64_t trusted_attr_begin(void)
{
    return __atomic_load_n(&g_generation, __ATOMIC_ACQUIRE);
}

void trusted_attr_put(const struct plan_trusted *entry, bool nofollow, uint64_t begin, const struct linux_stat *st)
{
    if (!entry || !(entry->flags & PLAN_TRUSTED_VERITY) || (st->mode & S_IFMT) != S_IFREG || __atomic_load_n(&g_stopped, __ATOMIC_RELAXED))
        return;
    int64_t until = trusted_attr_until();
    struct slot *fresh = __atomic_load_n(&g_slots, __ATOMIC_ACQUIRE) ? NULL : mem_zalloc(SLOTS * sizeof(*fresh));
    spin_lock(&g_attr_lock);
    if (!g_slots && fresh) {
        __atomic_store_n(&g_slots, fresh, __ATOMIC_RELEASE);
        fresh = NULL;
    }
    if (g_slots && begin == g_generation) {
        struct slot *s = slot_of(entry);
        bool better = s->entry == entry && s->generation == g_generation && s->nofollow;
        *s = (struct slot){ .entry = entry, .generation = begin, .until = until, .nofollow = nofollow || better, .st = *st };
        if (g_machine.is_enclave)
            s->st.size = (int64_t)entry->size;
    }
    spin_unlock(&g_attr_lock);
    mem_free(fresh);
}

void trusted_attr_forget(void)
{
    spin_lock(&g_attr_lock);
    __atomic_store_n(&g_generation, g_generation + 1, __ATOMIC_RELEASE);
    spin_unlock(&g_attr_lock);
}

void trusted_attr_stop(void)
{
    __atomic_store_n(&g_stopped, true, __ATOMIC_RELAXED);
    trusted_attr_forget();
}
