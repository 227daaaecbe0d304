/*
 * CPU clocks: from a clock id to the host's count, judged. Whose clock it is decides here;
 * enclave/clock.c asks. Trusts the host for how much of the time that passed was used, for nothing
 * else.
 */
#include "libos/proc/cputime.h"

#include "enclave/clock.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"
#include "libos/proc/process.h"

#define OF_THREAD  4
#define KIND_MASK  3
#define LOOK_LEAST (NSEC_PER_SEC / 1000) /* as a kernel that counts in ticks of 1 ms */
#define LOOK_OFTEN (NSEC_PER_SEC / 10)

static int32_t id_of(int clock)
{
    return ~(clock >> 3);
}

int cputime_resolve(const struct thread *t, int clock, int *out)
{
    if (clock == CLOCK_PROCESS_CPUTIME_ID)
        clock = cputime_clock_of(0, CPUTIME_SCHED);
    else if (clock == CLOCK_THREAD_CPUTIME_ID)
        clock = cputime_clock_of(0, CPUTIME_SCHED) | OF_THREAD;
    if (clock >= 0 || (clock & KIND_MASK) == KIND_MASK)
        return -EINVAL;
    int32_t id = id_of(clock), pid = t->process->pid;
    if (!(clock & OF_THREAD)) {
        /* Linux takes the number of the calling thread for its process's. */
        if (id && id != pid && id != t->tid)
            return -EINVAL;
        *out = cputime_clock_of(pid, clock & KIND_MASK);
        return 0;
    }
    struct thread *other = id && id != t->tid ? thread_find(pid, id) : NULL;
    if (id && id != t->tid && !other)
        return -EINVAL;
    thread_put(other);
    *out = cputime_clock_of(id ? id : t->tid, clock & KIND_MASK) | OF_THREAD;
    return 0;
}

/*
 * host may say that time went back, or that more was used than passed on all CPUs together. The launcher's share was
 * asked for exactly; of the sampled counts it is not known, so they keep it.
 */
static int64_t judge(int64_t ns, int kind, int64_t base, int64_t start, uint32_t cpus, int64_t *told)
{
    int64_t kept = kind == CPUTIME_SCHED ? 0 : base;
    ns = MAX(ns - (base - kept), INT64_C(0));
    if (g_machine.is_enclave) {
        __int128 most = (__int128)(clock_monotonic() - start) * MAX(cpus, 1u) + kept;
        if (most < ns)
            ns = (int64_t)most;
    }
    int64_t last = __atomic_load_n(told, __ATOMIC_RELAXED);
    while (ns > last && !__atomic_compare_exchange_n(told, &last, ns, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return MAX(ns, last);
}

static int read_thread(struct thread *t, int kind, int64_t *ns)
{
    int err = t == current() ? clock_cpu_self(kind, ns)
              : t->tb        ? clock_cpu_thread(t->tb->layout.index, kind, ns)
                             : 0;
    if (!err)
        *ns = judge(*ns, kind, t->cpu_base, t->start_time, 1, &t->cpu_told[kind]);
    return err;
}

int cputime_read(struct process *p, int clock, int64_t *ns)
{
    int kind = clock & KIND_MASK;
    *ns = 0;
    if (!(clock & OF_THREAD)) {
        int err = clock_cpu_process(kind, ns);
        if (!err)
            *ns = judge(*ns, kind, p->cpu_base, p->start_time, g_machine.cpu_count, &p->cpu_told[kind]);
        return err;
    }
    struct thread *self = current();
    bool own = self && self->tid == id_of(clock);
    struct thread *t = own ? self : thread_find(p->pid, id_of(clock));
    int err = t ? read_thread(t, kind, ns) : -EINVAL;
    if (!own)
        thread_put(t);
    return err;
}

int64_t cputime_look_again(const struct process *p, int clock, int64_t left)
{
    uint32_t cpus = MAX(g_machine.cpu_count, 1u);
    uint32_t threads = clock & OF_THREAD
                           ? 1
                           : MAX(__atomic_load_n(&p->thread_count, __ATOMIC_RELAXED), 1u);
    /* More threads may come meanwhile: at the pace of now, but not beyond what all CPUs could use
     * up. */
    int64_t cautious = MAX(left / (4 * (int64_t)cpus), LOOK_OFTEN);
    return MAX(MIN(left / MIN(threads, cpus), cautious), LOOK_LEAST);
}

void cputime_begin(struct process *p, struct thread *t)
{
    int64_t ns;
    if (!clock_cpu_process(CPUTIME_SCHED, &ns))
        p->cpu_base = t->cpu_base = ns;
}
