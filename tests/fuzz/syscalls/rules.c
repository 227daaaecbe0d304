/*
 * What must not be called, because Linux would rightly end or cripple this program: its own
 * mappings, its log, its watchdog's signal, its end. Everything else may be.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "fuzz.h"

static bool memory_call(const struct row *r, const uint64_t a[6])
{
    switch (r->nr) {
    case SYS_brk:
        return a[0] < world_brk() ? a[0] < PAGE
                                  : a[0] - world_brk() < (16ul << 20) || a[0] > (1ul << 46);
    case SYS_mmap:
        if (!(a[3] & MAP_ANONYMOUS ? a[1] < (4ul << 20) || a[1] > (1ul << 40) : true) && a[2])
            return false;
        return !(a[3] & MAP_FIXED) || !world_is_protected(a[0], a[1]);
    case SYS_mremap:
        return !world_is_protected(a[0], a[1]) && !world_is_protected(a[4], a[2]) &&
               (a[2] < (16ul << 20) || a[2] > (1ul << 40));
    case SYS_shmget: return a[1] < (1ul << 20) || a[1] > (1ul << 40);
    case SYS_shmat: return a[1] == 0 || !world_is_protected(a[1], 4ul << 20);
    case SYS_shmdt: return !world_is_protected(a[0], PAGE);
    case SYS_mlockall: return true;
    default:
        for (unsigned i = 0; i + 1 < r->count; i++)
            if (r->kind[i] == K_addr && r->kind[i + 1] == K_len &&
                world_is_protected(a[i], a[i + 1]))
                return false;
        return true;
    }
}

static bool unreadable(uint64_t address)
{
    return address < PAGE || address >= USER_TOP;
}

static bool descriptor_call(const struct row *r, const uint64_t a[6])
{
    switch (r->nr) {
    case SYS_close: return (uint32_t)a[0] != LOG_FD;
    case SYS_dup2:
    case SYS_dup3: return (uint32_t)a[1] != LOG_FD;
    case SYS_close_range:
        return (uint32_t)a[0] > LOG_FD || (uint32_t)a[1] < LOG_FD ||
               (uint32_t)a[0] > (uint32_t)a[1];
    case SYS_mq_open: /* a queue of another name would stay for ever (world.c) */
        return !(a[1] & O_CREAT) || unreadable(a[0]) || world_is_path(a[0]);
    case SYS_sync:
        return false; /* all of the machine's disks: once per phase is enough (selfcheck.c) */
    default: return true;
    }
}

static bool in_slab(struct slot *s, uint64_t address, uint64_t size)
{
    return address >= (uint64_t)s->slab && address + size <= (uint64_t)s->slab + SLAB_SIZE &&
           address % 8 == 0;
}

/* The memory that says which signals are blocked cannot change, and does not hold the watchdog's
 * signal. */
static bool mask_is_ours(uint64_t address)
{
    return unreadable(address) || world_is_mask(address);
}

/*
 * A new action is none, or one that structs.c made: it has a restorer, and a handler that returns.
 * Real-time signals wait in any number: with SA_NODEFER each would get a frame before the first
 * handler runs, and no stack is enough.
 */
static bool action_is_ours(struct slot *s, uint64_t sig, uint64_t address)
{
    if (unreadable(address))
        return true;
    return (int)sig != SIGUSR1 && (int)sig != SIGSEGV && (int)sig != SIGBUS &&
           in_slab(s, address, 32) && ((uint64_t *)address)[2] == (uint64_t)signals_restorer &&
           ((int)sig < 32 || !(((uint64_t *)address)[1] & SA_NODEFER));
}

static bool stack_is_ours(struct slot *s, uint64_t address)
{
    const stack_t *st = (const void *)address;
    return in_slab(s, address, sizeof(*st)) && st->ss_sp == s->signal_stack &&
           (st->ss_size == 0 || st->ss_size == SIGNAL_STACK);
}

static bool limit_is_ours(struct slot *s, uint64_t resource, uint64_t address)
{
    return unreadable(address) || ((uint32_t)resource != RLIMIT_NOFILE && in_slab(s, address, 16) &&
                                   ((uint64_t *)address)[1] == ~0ul);
}

static bool kills(uint64_t sig)
{
    return (int)sig == SIGKILL || (int)sig == SIGSTOP;
}

/* With a siginfo of the caller's choice it would look like a real one (work.c:on_fault). */
static bool is_fault(uint64_t sig)
{
    return (int)sig == SIGSEGV || (int)sig == SIGBUS || (int)sig == SIGFPE || (int)sig == SIGILL ||
           (int)sig == SIGTRAP;
}

/* A timer's signal comes from the kernel: it kills as any other does. */
static bool event_is_ours(struct slot *s, uint64_t address)
{
    uint64_t end = (uint64_t)s->slab + SLAB_SIZE;
    if (unreadable(address) || (address < end && address + sizeof(struct sigevent) > end))
        return true; /* the whole cannot be read */
    return in_slab(s, address, sizeof(struct sigevent)) &&
           !kills((uint64_t)((const struct sigevent *)address)->sigev_signo);
}

static bool signal_call(struct slot *s, const struct row *r, uint64_t a[6])
{
    switch (r->nr) {
    case SYS_rt_sigaction: return action_is_ours(s, a[0], a[1]);
    case SYS_rt_sigprocmask: return mask_is_ours(a[1]);
    case SYS_rt_sigsuspend: return mask_is_ours(a[0]);
    case SYS_ppoll: return mask_is_ours(a[3]);
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2: return mask_is_ours(a[4]);
    case SYS_pselect6: return unreadable(a[5]) || world_is_mask_argument(a[5]);
    case SYS_kill:
    case SYS_tkill: return !kills(a[1]);
    case SYS_tgkill: return !kills(a[2]);
    case SYS_pidfd_send_signal: return !kills(a[1]) && !is_fault(a[1]);
    case SYS_timer_create:
    case SYS_mq_notify: return event_is_ours(s, a[1]);
    case SYS_fcntl: return (int)a[1] != F_SETSIG || (!kills(a[2]) && !is_fault(a[2]));
    case SYS_rt_sigqueueinfo: return !kills(a[1]) && !is_fault(a[1]);
    case SYS_rt_tgsigqueueinfo: return !kills(a[2]) && !is_fault(a[2]);
    case SYS_sigaltstack: return unreadable(a[0]) || stack_is_ours(s, a[0]);
    default: return true;
    }
}

/* Waiting for a PI lock goes on after each signal: only with a time that is over already. */
static bool futex_ends(struct slot *s, const uint64_t a[6])
{
    unsigned op = a[1] & 127;
    bool locks = op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2 || op == FUTEX_WAIT_REQUEUE_PI;
    return !locks || (in_slab(s, a[3], 16) && ((int64_t *)a[3])[0] == 0);
}

static bool process_call(struct slot *s, const struct row *r, uint64_t a[6])
{
    switch (r->nr) {
    case SYS_exit:
    case SYS_set_tid_address:
    case SYS_set_robust_list: return s->victim;
    case SYS_futex: return futex_ends(s, a);
    case SYS_shmget:
    case SYS_semget:
    case SYS_msgget:
        return !g_drop; /* without privileges it could not remove what it made with them */
    case SYS_exit_group:
    case SYS_rt_sigreturn: return false;
    case SYS_rseq: /* not one that succeeds: the kernel would write to the area until the thread ends */
        return (uint32_t)a[1] < 32 || a[0] % 32;
    case SYS_chroot: return unreadable(a[0]) || a[0] == (uint64_t)world_root();
    case SYS_arch_prctl: return (int)a[0] != 0x1002; /* ARCH_SET_FS */
    case SYS_prctl:
        return (int)a[0] != PR_SET_SECCOMP && (int)a[0] != 59 /* SYSCALL_USER_DISPATCH */;
    case SYS_setrlimit: return limit_is_ours(s, a[0], a[1]);
    case SYS_prlimit64: return limit_is_ours(s, a[1], a[2]);
    case SYS_capset: return g_drop || unreadable(a[1]);
    default: return true;
    }
}

bool rules_allow(struct slot *s, const struct row *r, uint64_t a[6])
{
    return memory_call(r, a) && descriptor_call(r, a) && signal_call(s, r, a) &&
           process_call(s, r, a);
}

/* A child of a clone must see no signal before it ends (raw.c). */
int64_t rules_make(const struct row *r, const uint64_t a[6])
{
    uint64_t all = ~0ul, old;
    if (r->nr != SYS_clone && r->nr != SYS_clone3 && r->nr != SYS_fork && r->nr != SYS_vfork)
        return raw6(r->nr, a);
    RAW(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
    int64_t result = raw6(r->nr, a);
    RAW(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, 8);
    return result;
}
