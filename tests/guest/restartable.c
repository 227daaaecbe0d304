/*
 * Restartable sequences (rseq): each thread registers an area of its own in the place of glibc's, and counts per CPU in
 * critical sections that the kernel aborts. Where the call is ENOSYS (an enclave) it says so, and that glibc does without.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

#define CPUS   1024
#define TOTAL  1000000L
#define SIZE   32
#define UNUSED 0xffff800000000000 /* the kernel's half */

struct area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t sequence;
    uint32_t flags, pad[3];
} __attribute__((aligned(SIZE)));

static struct {
    long count;
    char pad[56];
} g_counters[CPUS] __attribute__((aligned(64)));
static long g_each;
static volatile sig_atomic_t g_alarms;

static long rseq(const void *area, unsigned size, int flags, unsigned signature)
{
    return syscall(SYS_rseq, area, size, flags, signature);
}

/* Then threads of this one have none from glibc either: as under GLIBC_TUNABLES=glibc.pthread.rseq=0. */
static void take_from_glibc(void)
{
    const struct area *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (__rseq_size)
        CHECK_EQ(rseq(area, SIZE, 1, RSEQ_SIG), 0);
}

/* With glibc's on, in which it ends. */
static void *glibcs_thread(void *unused)
{
    CHECK(!__rseq_size || sched_getcpu() >= 0);
    return unused;
}

#define SEQUENCE                                                                                                       \
    ".pushsection .data.rel, \"aw\"\n"                                                                                 \
    ".balign 32\n"                                                                                                     \
    "3: .long 0, 0\n"                                                                                                  \
    ".quad 1f, 2f - 1f, 4f\n"                                                                                          \
    ".popsection\n"                                                                                                    \
    ".pushsection .text.abort, \"ax\"\n"                                                                               \
    ".byte 0x0f, 0xb9, 0x3d\n"                                                                                         \
    ".long 0x53053053\n" /* RSEQ_SIG before the abort address */                                                       \
    "4: jmp %l[aborted]\n"                                                                                             \
    ".popsection\n"                                                                                                    \
    "leaq 3b(%%rip), %%rax\n"                                                                                          \
    "movq %%rax, 8(%[area])\n"

/* One more on this CPU, in steps that two threads of one CPU would mix up. false: aborted. */
static bool count_one(struct area *area, uint32_t cpu, long *counter)
{
    __asm__ goto(SEQUENCE "1: cmpl %[cpu], 4(%[area])\n"
                          "jne %l[aborted]\n"
                          "movq (%[counter]), %%rax\n"
                          "addq $1, %%rax\n"
                          "movq %%rax, (%[counter])\n"
                          "2:\n"
                 :
                 : [area] "r"(area), [cpu] "r"(cpu), [counter] "r"(counter)
                 : "rax", "memory", "cc"
                 : aborted);
    return true;
aborted:
    return false;
}

/* A section that only an abort ends. */
static void spin_until_aborted(struct area *area)
{
    __asm__ goto(SEQUENCE "1: pause\n"
                          "jmp 1b\n"
                          "2:\n"
                 :
                 : [area] "r"(area)
                 : "rax", "memory", "cc"
                 : aborted);
aborted:
    return;
}

static void *counting(void *unused)
{
    struct area area = { .cpu_id = (uint32_t)-1 };
    NEED(rseq(&area, SIZE, 0, RSEQ_SIG) == 0);
    for (long done = 0; done < g_each;) {
        uint32_t cpu = __atomic_load_n(&area.cpu_id_start, __ATOMIC_RELAXED);
        NEED(cpu < CPUS);
        done += count_one(&area, cpu, &g_counters[cpu].count);
    }
    CHECK_EQ(rseq(&area, SIZE, 1, RSEQ_SIG), 0);
    return unused;
}

/* Its area goes with its stack, which the next thread gets: the kernel must have forgotten it. Until then the kernel looks at it. */
static void *ends_registered(void *unused)
{
    static __thread struct area area;
    NEED(rseq(&area, SIZE, 0, RSEQ_SIG) == 0);
    return unused;
}

static void counts_of_all_cpus_sum_up(void)
{
    pthread_t threads[64];
    long sum = 0, count = 2 * sysconf(_SC_NPROCESSORS_ONLN);
    count = count > 64 ? 64 : count;
    g_each = TOTAL / count;
    for (long i = 0; i < count; i++)
        NEED(pthread_create(&threads[i], NULL, counting, NULL) == 0);
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CPUS; i++)
        sum += g_counters[i].count;
    CHECK_EQ(sum, g_each * count);
}

static void threads_may_end_registered(void *(*body)(void *))
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, body, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

static void on_alarm(int sig)
{
    (void)sig;
    g_alarms = g_alarms + 1;
}

static void a_signal_aborts(struct area *area)
{
    struct itimerval soon = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
    signal(SIGALRM, on_alarm);
    NEED(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    while (g_alarms < 50)
        spin_until_aborted(area);
    setitimer(ITIMER_REAL, &never, NULL);
}

static void errors(struct area *area)
{
    static struct area other;
    CHECK_ERRNO(rseq(area, SIZE, 1, RSEQ_SIG), EINVAL); /* none is registered */
    CHECK_ERRNO(rseq(area, SIZE, 2, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq(area, SIZE, 3, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq(area, SIZE - 1, 0, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq((char *)area + 8, SIZE, 0, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq((void *)UNUSED, SIZE, 0, RSEQ_SIG), EFAULT);
    CHECK_EQ(rseq(area, SIZE, 0, RSEQ_SIG), 0);
    CHECK(area->cpu_id < CPUS && area->cpu_id_start < CPUS);
    CHECK_ERRNO(rseq(area, SIZE, 0, RSEQ_SIG), EBUSY);
    CHECK_ERRNO(rseq(area, SIZE, 0, RSEQ_SIG + 1), EPERM);
    CHECK_ERRNO(rseq(&other, SIZE, 0, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq(&other, SIZE, 1, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq((void *)UNUSED, SIZE, 0, RSEQ_SIG), EINVAL);
    CHECK_ERRNO(rseq(area, SIZE, 1, RSEQ_SIG + 1), EPERM);
    CHECK_ERRNO(rseq(area, 2 * SIZE, 1, RSEQ_SIG), EINVAL);
}

int main(void)
{
    static struct area area = { .cpu_id = (uint32_t)-1 };
    if (rseq(NULL, 0, 0, 0) == -1 && errno == ENOSYS) {
        CHECK(__rseq_size == 0 && sched_getcpu() >= 0);
        fprintf(stderr, "rseq: ENOSYS, and glibc does without\n");
    } else {
        threads_may_end_registered(glibcs_thread);
        take_from_glibc();
        errors(&area);
        a_signal_aborts(&area);
        CHECK_EQ(rseq(&area, SIZE, 1, RSEQ_SIG), 0);
        CHECK_EQ(area.cpu_id, (uint32_t)-1);
        counts_of_all_cpus_sum_up();
        threads_may_end_registered(ends_registered);
    }
    printf("restartable %s\n", check_result() ? "failed" : "ok");
    return check_result();
}
