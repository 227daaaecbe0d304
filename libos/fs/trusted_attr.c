/*
 * A table by plan entry. Only files with a Merkle root are kept: their size is measured, and all else that stat
 * tells is the host's word, today as yesterday. Filled by path only, never by a descriptor, whose file may have lost
 * its name. Any change of names or attributes by the program empties the table: aliases by links need no thought.
 */
#include "libos/fs/trusted_attr.h"

#include "enclave/heap.h"
#include "enclave/sync.h"
#include "lib/linux/stat.h"
#include "lib/plan/plan.h"

#define SLOTS 1024u

struct slot {
    const struct plan_trusted *entry; /* NULL: free */
    uint64_t generation;
    bool nofollow;
    struct linux_stat st;
};

static struct spinlock g_attr_lock;
static struct slot *g_slots;        /* g_attr_lock */
static uint64_t g_generation;       /* g_attr_lock */

static struct slot *slot_of(const struct plan_trusted *entry)
{
    uint64_t h = ((uintptr_t)entry / sizeof(*entry)) * UINT64_C(0x9e3779b97f4a7c15);
    return &g_slots[h >> 32 & (SLOTS - 1)];
}

bool trusted_attr_get(const struct plan_trusted *entry, bool nofollow, struct linux_stat *st)
{
    bool found = false;
    if (!entry)
        return false;
    spin_lock(&g_attr_lock);
    if (g_slots) {
        const struct slot *s = slot_of(entry);
        found = s->entry == entry && s->generation == g_generation && (s->nofollow || !nofollow);
        if (found)
            *st = s->st;
    }
    spin_unlock(&g_attr_lock);
    return found;
}

uint64_t trusted_attr_begin(void)
{
    spin_lock(&g_attr_lock);
    uint64_t generation = g_generation;
    spin_unlock(&g_attr_lock);
    return generation;
}

void trusted_attr_put(const struct plan_trusted *entry, bool nofollow, uint64_t begin, const struct linux_stat *st)
{
    if (!entry || !(entry->flags & PLAN_TRUSTED_VERITY) || (st->mode & S_IFMT) != S_IFREG)
        return;
    struct slot *fresh = __atomic_load_n(&g_slots, __ATOMIC_ACQUIRE) ? NULL : mem_zalloc(SLOTS * sizeof(*fresh));
    spin_lock(&g_attr_lock);
    if (!g_slots && fresh) {
        __atomic_store_n(&g_slots, fresh, __ATOMIC_RELEASE);
        fresh = NULL;
    }
    if (g_slots && begin == g_generation) {
        struct slot *s = slot_of(entry);
        bool better = s->entry == entry && s->generation == g_generation && s->nofollow;
        *s = (struct slot){ .entry = entry, .generation = begin, .nofollow = nofollow || better, .st = *st };
        s->st.size = (int64_t)entry->size;
    }
    spin_unlock(&g_attr_lock);
    mem_free(fresh);
}

void trusted_attr_forget(void)
{
    spin_lock(&g_attr_lock);
    g_generation++;
    spin_unlock(&g_attr_lock);
}
