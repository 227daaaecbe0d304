/* Waiting on several words at once (futex_waitv): a waiter for each, and one thread behind them. */
#include "enclave/heap.h"
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/ipc/wait.h"
#include "libos/proc/futex.h"
#include "libos/proc/futex_table.h"

/* Leave them all. The last that had been woken, or -1. */
static int64_t leave_all(struct futex_waiter *w, uint32_t count)
{
    int64_t woken = -1;
    for (uint32_t i = 0; i < count; i++)
        if (futex_leave(&w[i]))
            woken = i;
    return woken;
}

static bool any_woken(const struct futex_waiter *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (__atomic_load_n(&w[i].woken, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

int64_t futex_wait_many(struct mm *mm, const struct futex_word *words, uint32_t count,
                        int64_t deadline)
{
    struct futex_waiter *w = mem_zalloc(count * sizeof(*w));
    uint32_t queued = 0;
    int64_t err = 0;
    if (!w)
        return -ENOMEM;
    for (; queued < count && !err; queued += !err) {
        w[queued] = (struct futex_waiter){ .mm = mm,
                                           .address = words[queued].address,
                                           .thread = thread_block(),
                                           .bitset = LINUX_FUTEX_BITSET_ANY };
        err = futex_enqueue_if(&w[queued], words[queued].expected);
    }
    while (!err && !any_woken(w, count))
        err = wait_sleep(deadline);
    int64_t woken = leave_all(w, queued);
    mem_free(w);
    return woken >= 0 ? woken : err;
}
