/* futex(2): decode the operation, its timeout and its second address. The work is in libos/proc/futex.c. */
#include "enclave/clock.h"
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

static int64_t lock_pi(uint64_t address, bool try_only, int64_t deadline)
{
    struct thread *t = current();
    uint32_t value;
    if (user_load32(address, &value))
        return -EFAULT;
    int32_t owner = (int32_t)(value & LINUX_FUTEX_TID_MASK);
    if (owner && owner != t->tid) {
        struct thread *holder = thread_find(t->process->pid, owner);
        thread_put(holder);
        if (!holder && !user_load32(address, &value) && (int32_t)(value & LINUX_FUTEX_TID_MASK) == owner)
            return -ESRCH;
    }
    int64_t r = futex_lock_pi(t->process->mm, address, (uint32_t)t->tid, try_only, deadline);
    return r == -EINTR ? -ERESTARTNOINTR : r;
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
    bool two = cmd == LINUX_FUTEX_REQUEUE || cmd == LINUX_FUTEX_CMP_REQUEUE || cmd == LINUX_FUTEX_WAKE_OP;
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
        return futex_requeue(mm, uaddr, uaddr2, val, val2, cmd == LINUX_FUTEX_CMP_REQUEUE ? &val3 : NULL);
    case LINUX_FUTEX_WAKE_OP: return futex_wake_op(mm, uaddr, uaddr2, at_least_one(val), at_least_one(val2), val3);
    case LINUX_FUTEX_LOCK_PI:
    case LINUX_FUTEX_LOCK_PI2: return lock_pi(uaddr, false, deadline);
    case LINUX_FUTEX_TRYLOCK_PI: return lock_pi(uaddr, true, PARK_FOREVER);
    case LINUX_FUTEX_UNLOCK_PI: return futex_unlock_pi(mm, uaddr, (uint32_t)current()->tid);
    default: return -ENOSYS;
    }
}
