/* See fake_threads.h. */
#define _GNU_SOURCE
#include "fake_threads.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/park.h"
#include "enclave/sync.h"
#include "enclave/uaccess.h"
#include "lib/linux/errno.h"
#include "libos/ipc/wait.h"
#include <sched.h>

void spin_lock_slow(struct spinlock *l)
{
    while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_changed = PTHREAD_COND_INITIALIZER;

unsigned g_log_level, g_trace;

void fake_thread_enter(struct fake_thread *t)
{
    memset(t, 0, sizeof(*t));
    t->tb.layout.self = (uintptr_t)t;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)(uintptr_t)t))
        abort();
}

void fake_thread_interrupt(struct fake_thread *t)
{
    pthread_mutex_lock(&g_mu);
    t->tb.pending = 1;
    pthread_cond_broadcast(&g_changed);
    pthread_mutex_unlock(&g_mu);
}

int64_t clock_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts); /* what condition variables count in */
    return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

int wait_sleep(int64_t deadline)
{
    struct thread_block *tb = thread_block();
    struct timespec ts = { deadline / 1000000000, deadline % 1000000000 };
    int err = 0;
    pthread_mutex_lock(&g_mu);
    while (!tb->park_token && !tb->pending && !err)
        err = deadline == PARK_FOREVER ? pthread_cond_wait(&g_changed, &g_mu) : pthread_cond_timedwait(&g_changed, &g_mu, &ts);
    int r = tb->pending ? -EINTR : tb->park_token ? 0 : -ETIMEDOUT;
    tb->park_token = 0;
    pthread_mutex_unlock(&g_mu);
    return r;
}

void unpark(struct thread_block *tb)
{
    pthread_mutex_lock(&g_mu);
    tb->park_token = 1;
    pthread_cond_broadcast(&g_changed);
    pthread_mutex_unlock(&g_mu);
}

/* ---- user memory */

static int bad(uaddr_t a)
{
    return a < 4096 ? -EFAULT : 0;
}

int user_read(void *dst, uaddr_t src, size_t size)
{
    return bad(src) ? -EFAULT : (memcpy(dst, (void *)src, size), 0);
}

int user_write(uaddr_t dst, const void *src, size_t size)
{
    return bad(dst) ? -EFAULT : (memcpy((void *)dst, src, size), 0);
}

int user_load32(uaddr_t address, uint32_t *value)
{
    if (bad(address))
        return -EFAULT;
    *value = __atomic_load_n((uint32_t *)address, __ATOMIC_SEQ_CST);
    return 0;
}

int user_cmpxchg32(uaddr_t address, uint32_t *expected, uint32_t desired)
{
    if (bad(address))
        return -EFAULT;
    __atomic_compare_exchange_n((uint32_t *)address, expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return 0;
}

int user_probe(uaddr_t address, size_t size, bool write)
{
    return bad(address);
}

void log_print(enum plan_log_level level, const char *format, ...)
{
}
