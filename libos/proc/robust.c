/*
 * Robust futex lists (Linux kernel/futex/core.c: exit_robust_list). The list stands in the program's
 * memory and may be anything: every read may fail, and a cycle ends at the limit.
 */
#include "libos/proc/robust.h"

#include "enclave/uaccess.h"
#include "lib/linux/futex.h"
#include "libos/proc/futex.h"
#include "libos/proc/process.h"

/* One futex word: if the dying thread owns it, say so and wake one. */
static void abandon(struct thread *t, uint64_t address, bool pi, bool pending)
{
    uint32_t old;
    if (address & 3 || user_load32(address, &old))
        return;
    /* Died between writing 0 and waking: the wake is due. */
    if (pending && !pi && old == 0) {
        futex_wake(t->process->mm, address, 1, LINUX_FUTEX_BITSET_ANY);
        return;
    }
    while ((old & LINUX_FUTEX_TID_MASK) == (uint32_t)t->tid) {
        uint32_t seen = old, dead = (old & LINUX_FUTEX_WAITERS) | LINUX_FUTEX_OWNER_DIED;
        if (user_cmpxchg32(address, &seen, dead))
            return;
        if (seen == old) {
            if (old & LINUX_FUTEX_WAITERS)
                futex_wake(t->process->mm, address, 1, LINUX_FUTEX_BITSET_ANY);
            return;
        }
        old = seen;
    }
}

void robust_list_exit(struct thread *t)
{
    struct linux_robust_list_head head;
    uint64_t at = t->robust_list;
    if (!at || user_read(&head, at, sizeof(head)))
        return;
    t->robust_list = 0;
    uint64_t pending = head.pending & ~UINT64_C(1), entry = head.next;
    for (int i = 0; i < LINUX_ROBUST_LIST_LIMIT; i++) {
        uint64_t node = entry & ~UINT64_C(1), next;
        if (node == at)
            break;
        if (user_read(&next, node, sizeof(next)))
            return;
        if (node != pending)
            abandon(t, node + (uint64_t)head.futex_offset, entry & 1, false);
        entry = next;
    }
    if (pending)
        abandon(t, pending + (uint64_t)head.futex_offset, head.pending & 1, true);
}
