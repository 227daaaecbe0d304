/* futex(2): decode the operation, its timeout and its second address. The work is in libos/proc/futex.c. */
#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/proc/futex.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

static int64_t wait_again(const uint64_t arg[4]);

/* An interrupted wait with a relative timeout goes on with what is left; all others simply start again. */
static int64_t wait(uint64_t address, uint32_t expected, uint32_t bitset, int64_t deadline, bool relative)
{
    struct thread *t = current();
    int64_t r = futex_wait(t->process->mm, address, expected, bitset, deadline);
    if (r != -EINTR)
        return r;
    if (!relative)
        return -ERESTARTSYS;
    t->restart = (struct restart){ wait_again, { address, expected, bitset, (uint64_t)deadline } };
    return -ERESTART_RESTARTBLOCK;
}

static int64_t wait_again(const uint64_t arg[4])
{
    return wait(arg[0], (uint32_t)arg[1], (uint32_t)arg[2], (int64_t)arg[3], true);
}

static bool has_timeout(int cmd)
{
    return cmd == LINUX_FUTEX_WAIT || cmd == LINUX_FUTEX_WAIT_BITSET || cmd == LINUX_FUTEX_LOCK_PI ||
           cmd == LINUX_FUTEX_LOCK_PI2 || cmd == LINUX_FUTEX_WAIT_REQUEUE_PI;
}

/* When the wait ends, on CLOCK_MONOTONIC: relative for WAIT, absolute on one of two clocks otherwise. */
static int read_deadline(int op, uaddr_t timeout, int64_t *deadline)
{
    int cmd = op & LINUX_FUTEX_CMD_MASK;
    *deadline = PARK_FOREVER;
    if (!timeout || !has_timeout(cmd))
        return 0;
    int err = timespec_read(timeout, deadline);
    if (err)
        return err;
    if (cmd == LINUX_FUTEX_WAIT)
        *deadline = deadline_after(clock_monotonic(), *deadline);
    else if (op & LINUX_FUTEX_CLOCK_REALTIME || cmd == LINUX_FUTEX_LOCK_PI)
        *deadline = deadline_of_realtime(*deadline);
    return 0;
}

/* The lock's owner exists. */
static int check_owner(uint64_t address)
{
    struct thread *t = current();
    uint32_t value;
    if (user_load32(address, &value))
        return -EFAULT;
    int32_t owner = (int32_t)(value & LINUX_FUTEX_TID_MASK);
    if (!owner || owner == t->tid)
        return 0;
    struct thread *holder = thread_find(t->process->pid, owner);
    thread_put(holder);
    bool same = !user_load32(address, &value) && (int32_t)(value & LINUX_FUTEX_TID_MASK) == owner;
    return !holder && same ? -ESRCH : 0;
}

static int64_t lock_pi(uint64_t address, bool try_only, int64_t deadline)
{
    struct thread *t = current();
    int err = check_owner(address);
    if (err)
        return err;
    int64_t r = futex_lock_pi(t->process->mm, address, (uint32_t)t->tid, try_only, deadline);
    return r == -EINTR ? -ERESTARTNOINTR : r;
}

static int64_t wait_requeue_pi(uint64_t address, uint32_t expected, uint64_t target,
                               int64_t deadline)
{
    struct thread *t = current();
    if (address == target)
        return -EINVAL;
    int64_t r = futex_wait_requeue_pi(t->process->mm, address, expected, target, (uint32_t)t->tid,
                                      deadline);
    return r == -EINTR ? -ERESTARTNOINTR : r;
}

static int64_t cmp_requeue_pi(uint64_t from, uint64_t to, uint32_t wake, uint32_t move,
                              uint32_t expected)
{
    if (from == to || wake != 1 || (int32_t)move < 0)
        return -EINVAL;
    int err = check_owner(to);
    return err ? err : futex_cmp_requeue_pi(current()->process->mm, from, to, move, expected);
}

/* FUTEX_WAKE with a count of 0 or less wakes one, as Linux always did. */
static uint32_t at_least_one(uint32_t count)
{
    return (int32_t)count <= 0 ? 1 : count;
}

int64_t sys_futex(uaddr_t uaddr, int op, unsigned val, uaddr_t timeout, uaddr_t uaddr2, unsigned val3)
{
    struct mm *mm = current()->process->mm;
    int cmd = op & LINUX_FUTEX_CMD_MASK;
    uint32_t val2 = (uint32_t)timeout;
    int64_t deadline;
    if (op & LINUX_FUTEX_CLOCK_REALTIME && cmd != LINUX_FUTEX_WAIT && cmd != LINUX_FUTEX_WAIT_BITSET &&
        cmd != LINUX_FUTEX_LOCK_PI2 && cmd != LINUX_FUTEX_WAIT_REQUEUE_PI)
        return -ENOSYS;
    int err = read_deadline(op, timeout, &deadline);
    if (err)
        return err;
    bool two = cmd == LINUX_FUTEX_REQUEUE || cmd == LINUX_FUTEX_CMP_REQUEUE ||
               cmd == LINUX_FUTEX_WAKE_OP || cmd == LINUX_FUTEX_WAIT_REQUEUE_PI ||
               cmd == LINUX_FUTEX_CMP_REQUEUE_PI;
    if (!IS_ALIGNED(uaddr, 4) || (two && !IS_ALIGNED(uaddr2, 4)))
        return -EINVAL;
    if (!user_range_ok(uaddr, 4) || (two && !user_range_ok(uaddr2, 4)))
        return -EFAULT;
    switch (cmd) {
    case LINUX_FUTEX_WAIT: return wait(uaddr, val, LINUX_FUTEX_BITSET_ANY, deadline, timeout != 0);
    case LINUX_FUTEX_WAIT_BITSET: return val3 ? wait(uaddr, val, val3, deadline, false) : -EINVAL;
    case LINUX_FUTEX_WAKE: return futex_wake(mm, uaddr, at_least_one(val), LINUX_FUTEX_BITSET_ANY);
    case LINUX_FUTEX_WAKE_BITSET: return val3 ? futex_wake(mm, uaddr, at_least_one(val), val3) : -EINVAL;
    case LINUX_FUTEX_REQUEUE:
    case LINUX_FUTEX_CMP_REQUEUE:
        if ((int32_t)val < 0 || (int32_t)val2 < 0)
            return -EINVAL;
        return futex_requeue(mm, uaddr, uaddr2, val, val2,
                             cmd == LINUX_FUTEX_CMP_REQUEUE ? &val3 : NULL);
    case LINUX_FUTEX_WAKE_OP:
        return futex_wake_op(mm, uaddr, uaddr2, at_least_one(val), at_least_one(val2), val3);
    case LINUX_FUTEX_WAIT_REQUEUE_PI: return wait_requeue_pi(uaddr, val, uaddr2, deadline);
    case LINUX_FUTEX_CMP_REQUEUE_PI: return cmp_requeue_pi(uaddr, uaddr2, val, val2, val3);
    case LINUX_FUTEX_LOCK_PI:
    case LINUX_FUTEX_LOCK_PI2: return lock_pi(uaddr, false, deadline);
    case LINUX_FUTEX_TRYLOCK_PI: return lock_pi(uaddr, true, PARK_FOREVER);
    case LINUX_FUTEX_UNLOCK_PI: return futex_unlock_pi(mm, uaddr, (uint32_t)current()->tid);
    default: return -ENOSYS;
    }
}

/* ---- several at once */

#define WAITV_MOST 128
#define FUTEX_32   2u

struct linux_futex_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static int read_words(uaddr_t from, uint32_t count, struct futex_word *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct linux_futex_waitv v;
        if (user_read(&v, from + i * sizeof(v), sizeof(v)))
            return -EFAULT;
        if (v.flags & ~(FUTEX_32 | LINUX_FUTEX_PRIVATE_FLAG) || !(v.flags & FUTEX_32) || v.reserved)
            return -EINVAL;
        if (!IS_ALIGNED(v.address, 4))
            return -EINVAL;
        if (!user_range_ok(v.address, 4))
            return -EFAULT;
        out[i] = (struct futex_word){ v.address, (uint32_t)v.value };
    }
    return 0;
}

int64_t sys_futex_waitv(uaddr_t waiters, unsigned count, unsigned flags, uaddr_t timeout, int clock)
{
    struct futex_word *words;
    int64_t deadline = PARK_FOREVER;
    if (flags || !count || count > WAITV_MOST || !waiters)
        return -EINVAL;
    if (timeout && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return -EINVAL;
    int64_t r = timeout ? timespec_read(timeout, &deadline) : 0;
    if (r)
        return r;
    if (timeout && clock == CLOCK_REALTIME)
        deadline = deadline_of_realtime(deadline);
    words = mem_alloc(count * sizeof(*words));
    if (!words)
        return -ENOMEM;
    r = read_words(waiters, count, words);
    if (!r)
        r = futex_wait_many(current()->process->mm, words, count, deadline);
    mem_free(words);
    return r == -EINTR ? -ERESTARTSYS : r;
}
