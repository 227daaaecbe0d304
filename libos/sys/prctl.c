/* prctl and arch_prctl: attributes of the calling process, thread and CPU state. */
#include "enclave/cpu.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/signal.h"
#include "libos/proc/cred.h"
#include "libos/proc/process.h"
#include "libos/signal/fpu.h"
#include "libos/sys/sys.h"

enum prctl_option {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_GET_KEEPCAPS = 7,
    PR_SET_KEEPCAPS = 8,
    PR_GET_TIMING = 13,
    PR_SET_TIMING = 14,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_CAPBSET_READ = 23,
    PR_CAPBSET_DROP = 24,
    PR_GET_TSC = 25,
    PR_SET_TSC = 26,
    PR_GET_SECUREBITS = 27,
    PR_SET_SECUREBITS = 28,
    PR_SET_TIMERSLACK = 29,
    PR_GET_TIMERSLACK = 30,
    PR_MCE_KILL = 33,
    PR_MCE_KILL_GET = 34,
    PR_SET_MM = 35,
    PR_SET_CHILD_SUBREAPER = 36,
    PR_GET_CHILD_SUBREAPER = 37,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
    PR_GET_TID_ADDRESS = 40,
    PR_SET_THP_DISABLE = 41,
    PR_GET_THP_DISABLE = 42,
    PR_CAP_AMBIENT = 47,
    PR_GET_SPECULATION_CTRL = 52,
    PR_SET_SPECULATION_CTRL = 53,
    PR_SET_IO_FLUSHER = 57,
    PR_GET_IO_FLUSHER = 58,
};

static int64_t write_u32(uaddr_t to, uint32_t value)
{
    return user_write(to, &value, sizeof(value));
}

static int64_t set_flag(uint32_t *flag, uint64_t value)
{
    if (value > 1)
        return -EINVAL;
    *flag = (uint32_t)value;
    return 0;
}

static int64_t set_name(uaddr_t from)
{
    char name[16];
    int64_t n = user_string(name, from, sizeof(name));
    if (n == -EFAULT)
        return n;
    /* Longer names are cut; the buffer is filled to its end then. */
    size_t length = n < 0 ? sizeof(name) - 1 : (size_t)n;
    if (n < 0 && user_read(name, from, length))
        return -EFAULT;
    memset(name + length, 0, sizeof(name) - length);
    memcpy(current()->name, name, sizeof(name));
    return 0;
}

/* No ambient set exists: it is empty, and raising it is refused. */
static int64_t cap_ambient(uint64_t what, uint64_t cap, uint64_t a4, uint64_t a5)
{
    enum { IS_SET = 1, RAISE, LOWER, CLEAR_ALL };
    if (a4 || a5)
        return -EINVAL;
    if (what == CLEAR_ALL)
        return cap ? -EINVAL : 0;
    if (cap > CRED_LAST_CAP || what < IS_SET || what > CLEAR_ALL)
        return -EINVAL;
    return what == RAISE ? -EPERM : 0;
}

/* What becomes of the process when memory fails: kept and told, there is nobody to act on it. */
static int64_t mce_kill(struct process *p, uint64_t what, uint64_t how, uint64_t a4, uint64_t a5)
{
    enum { CLEAR, SET };
    if (a4 || a5 || what > SET || (what == CLEAR && how) || how > MCE_KILL_DEFAULT)
        return -EINVAL;
    p->mce_kill = what == SET ? (uint32_t)how : MCE_KILL_DEFAULT;
    return 0;
}

/* Give a capability up for good: it does not come back by execve either. */
static int64_t drop_bounding(struct process *p, uint64_t cap)
{
    int64_t r = cap > CRED_LAST_CAP ? -EINVAL : 0;
    mutex_lock(&p->mu);
    if (!cred_can(&p->cred, CAP_SETPCAP))
        r = -EPERM;
    if (!r)
        p->cred.cap_dropped |= UINT64_C(1) << cap;
    mutex_unlock(&p->mu);
    return r;
}

static int64_t set_securebits(uint64_t bits)
{
    if (!cred_can(&current()->process->cred, CAP_SETPCAP))
        return -EPERM;
    return bits ? -EOPNOTSUPP : 0;
}

static int64_t get_option(struct process *p, int option, uint64_t a2)
{
    switch (option) {
    case PR_GET_PDEATHSIG: return write_u32(a2, p->pdeath_signal);
    case PR_GET_DUMPABLE: return p->dumpable;
    case PR_GET_KEEPCAPS: return p->keep_caps;
    case PR_GET_TIMING: return 0;
    case PR_GET_NAME: return user_write(a2, current()->name, sizeof(current()->name));
    case PR_GET_TSC: return write_u32(a2, 1);
    case PR_GET_SECUREBITS: return 0;
    case PR_GET_TIMERSLACK: return (int64_t)current()->timer_slack;
    case PR_GET_CHILD_SUBREAPER: return write_u32(a2, p->child_subreaper);
    case PR_GET_NO_NEW_PRIVS: return p->no_new_privs;
    case PR_GET_TID_ADDRESS: return user_write(a2, &current()->clear_child_tid, 8);
    case PR_GET_THP_DISABLE: return p->thp_disabled;
    case PR_MCE_KILL_GET: return p->mce_kill;
    case PR_CAPBSET_READ: return a2 > CRED_LAST_CAP ? -EINVAL : (int64_t)!(p->cred.cap_dropped >> a2 & 1);
    default: return -EINVAL; /* PR_SET_VMA, seccomp and others: as a kernel built without them */
    }
}

int64_t sys_prctl(int option, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    struct process *p = current()->process;
    switch (option) {
    case PR_SET_PDEATHSIG:
        if (a2 > LINUX_NSIG)
            return -EINVAL;
        p->pdeath_signal = (uint32_t)a2;
        return 0;
    case PR_SET_DUMPABLE: return set_flag(&p->dumpable, a2);
    case PR_SET_KEEPCAPS: return set_flag(&p->keep_caps, a2);
    case PR_SET_TIMING: return a2 ? -EINVAL : 0;
    case PR_SET_NAME: return set_name(a2);
    case PR_SET_TIMERSLACK: /* kept and told: our sleeps end when the host says */
        current()->timer_slack = (int64_t)a2 > 0 ? a2 : TIMERSLACK_NS;
        return 0;
    case PR_SET_CHILD_SUBREAPER: p->child_subreaper = a2 != 0; return 0;
    case PR_SET_NO_NEW_PRIVS:
        if (a2 != 1 || a3 || a4 || a5)
            return -EINVAL;
        p->no_new_privs = 1;
        return 0;
    case PR_SET_THP_DISABLE:
        if (a3 || a4 || a5)
            return -EINVAL;
        p->thp_disabled = a2 != 0;
        return 0;
    case PR_CAP_AMBIENT: return cap_ambient(a2, a3, a4, a5);
    case PR_CAPBSET_DROP: return drop_bounding(p, a2);
    case PR_SET_TSC: return a2 == 1 ? 0 : -EINVAL; /* it cannot be forbidden */
    case PR_SET_SECUREBITS: return set_securebits(a2);
    case PR_MCE_KILL: return mce_kill(p, a2, a3, a4, a5);
    case PR_SET_MM:
    case PR_SET_IO_FLUSHER:
    case PR_GET_IO_FLUSHER: return -EPERM; /* as without CAP_SYS_RESOURCE */
    case PR_GET_SPECULATION_CTRL:
    case PR_SET_SPECULATION_CTRL: return option == PR_GET_SPECULATION_CTRL && (a3 || a4 || a5) ? -EINVAL : -ENODEV;
    case PR_MCE_KILL_GET:
    case PR_GET_NO_NEW_PRIVS:
    case PR_GET_THP_DISABLE: return a2 || a3 || a4 || a5 ? -EINVAL : get_option(p, option, a2);
    default: return get_option(p, option, a2);
    }
}

/* ---- arch_prctl */

enum {
    ARCH_SET_GS = 0x1001,
    ARCH_SET_FS = 0x1002,
    ARCH_GET_FS = 0x1003,
    ARCH_GET_GS = 0x1004,
    ARCH_GET_CPUID = 0x1011,
    ARCH_SET_CPUID = 0x1012,
    ARCH_GET_XCOMP_SUPP = 0x1021,
    ARCH_GET_XCOMP_PERM = 0x1022,
    ARCH_REQ_XCOMP_PERM = 0x1023,
};

#define XFEATURE_TILEDATA 18

static int64_t write_u64(uaddr_t to, uint64_t value)
{
    return user_write(to, &value, sizeof(value));
}

int64_t sys_arch_prctl(int code, uaddr_t addr)
{
    switch (code) {
    case ARCH_SET_FS:
        if (!user_range_ok(addr, 1))
            return -EPERM;
        cpu_set_fs(addr);
        return 0;
    case ARCH_GET_FS: return write_u64(addr, cpu_get_fs());
    case ARCH_SET_GS:
    case ARCH_GET_GS: return -EPERM; /* GS is the machine's: enclave/thread_block.h */
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID: return -ENODEV;
    case ARCH_GET_XCOMP_SUPP:
    case ARCH_GET_XCOMP_PERM: return write_u64(addr, fpu_features());
    case ARCH_REQ_XCOMP_PERM:
        if (addr != XFEATURE_TILEDATA)
            return -EOPNOTSUPP;
        return fpu_allow_tiles() ? 0 : -EOPNOTSUPP;
    default: return -EINVAL; /* shadow stacks and others that 6.1 does not know */
    }
}
