/*
 * Time from the TSC between anchors taken from the host's clock. An anchor is taken when the last one is
 * older than its limit (2 ms at first, doubling up to 1 s). The slope of the next stretch is the one measured
 * over the last, bent a little so that an error found at the anchor is worked off during the stretch:
 * time never jumps back and the host's clock is followed to within microseconds.
 */
#include "enclave/clock.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/linux/time.h"

struct clock_page *g_clock_page;

static struct mutex g_mu;
static uint64_t g_last_tsc;        /* mu: of the last anchor */
static int64_t g_last_host;        /* mu: host's monotonic clock then */
static int64_t g_last_answer;      /* atomic: without a TSC, the latest time told */
static uint64_t g_tsc_hz, g_limit_ns; /* mu */

#define LATEST      INT64_C(4000000000) /* seconds: any two times of the host's add up to no overflow */
#define LIMIT_FIRST 2000000
#define LIMIT_MOST  UINT64_C(1000000000)

/* host may tell a time that overflows where it is added */
static int64_t sane_time(const struct linux_timespec *ts)
{
    bool sane = ts->nsec >= 0 && ts->nsec < NSEC_PER_SEC && ts->sec >= 0 && ts->sec <= LATEST;
    return sane ? ts->sec * NSEC_PER_SEC + ts->nsec : -1;
}

static int64_t host_clock(int id)
{
    struct linux_timespec ts = { 0 };
    return host_call(clock_gettime, (uint64_t)id, PTR(&ts)) ? -1 : sane_time(&ts);
}

static int64_t page_time(const struct clock_page *p, uint64_t tsc)
{
    return p->monotonic_base + (int64_t)((unsigned __int128)(tsc - p->tsc_base) * p->mult >> 32);
}

/* Read the page without a lock. false: the anchor is too old. */
static bool page_read(int64_t *monotonic, int64_t *offset)
{
    const struct clock_page *p = g_clock_page;
    uint32_t seq;
    bool valid;

    do {
        while ((seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE)) & 1)
            cpu_pause();
        uint64_t tsc = cpu_tsc();
        valid = tsc - p->tsc_base < p->tsc_limit;
        *monotonic = page_time(p, tsc);
        *offset = p->realtime_offset;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&p->seq, __ATOMIC_RELAXED) != seq);
    return valid;
}

static void publish(uint64_t tsc, int64_t base, uint64_t mult, uint64_t limit, int64_t offset)
{
    struct clock_page *p = g_clock_page;
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    p->tsc_base = tsc;
    p->monotonic_base = base;
    p->mult = mult;
    p->tsc_limit = limit;
    p->realtime_offset = offset;
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELEASE);
}

/* Ticks for so many nanoseconds, from the nominal frequency: only a rough length. */
static uint64_t ticks(uint64_t ns)
{
    return ns / 1000 * (g_tsc_hz / 1000000);
}

static uint64_t slope(uint64_t tsc, int64_t host)
{
    uint64_t nominal = ((uint64_t)NSEC_PER_SEC << 32) / g_tsc_hz;
    if (!g_last_tsc || tsc - g_last_tsc < ticks(LIMIT_FIRST / 2) || host <= g_last_host)
        return g_clock_page->mult ? g_clock_page->mult : nominal;
    uint64_t ns = (uint64_t)(host - g_last_host), passed = tsc - g_last_tsc;
    for (; ns >> 32; ns >>= 1) /* keep ns << 32 within 64 bits */
        passed >>= 1;
    uint64_t measured = passed ? (ns << 32) / passed : nominal;
    /* A lying or stalled host bends time by at most 1 %. */
    return MIN(MAX(measured, nominal - nominal / 100), nominal + nominal / 100);
}

static int64_t anchor(void)
{
    struct clock_page *p = g_clock_page;
    int64_t monotonic, offset;

    mutex_lock(&g_mu);
    if (page_read(&monotonic, &offset)) { /* somebody was faster */
        mutex_unlock(&g_mu);
        return monotonic;
    }
    int64_t host = host_clock(CLOCK_MONOTONIC), real = host_clock(CLOCK_REALTIME);
    uint64_t tsc = cpu_tsc();
    int64_t told = p->mult ? page_time(p, p->tsc_base + MIN(tsc - p->tsc_base, p->tsc_limit)) : 0;
    if (host < 0 || real < 0)
        host = told, real = told + p->realtime_offset;
    uint64_t mult = slope(tsc, host);
    int64_t ahead = told - host;
    int64_t base = MAX(told, host);
    if (ahead > 0 && ahead < (int64_t)g_limit_ns) /* told more than the truth: go slower for a stretch */
        mult -= mult / g_limit_ns * (uint64_t)MIN(ahead, (int64_t)g_limit_ns / 20) +
                mult % g_limit_ns * (uint64_t)MIN(ahead, (int64_t)g_limit_ns / 20) / g_limit_ns;
    if (g_last_tsc)
        g_limit_ns = MIN(g_limit_ns * 2, LIMIT_MOST);
    g_last_tsc = tsc;
    g_last_host = host;
    publish(tsc, base, mult, ticks(g_limit_ns), real - host);
    mutex_unlock(&g_mu);
    return base;
}

/* Without a TSC: the host's clock, never going back. */
static int64_t ask_host(int64_t *offset)
{
    int64_t now = host_clock(CLOCK_MONOTONIC);
    if (offset)
        *offset = host_clock(CLOCK_REALTIME) - now;
    int64_t last = __atomic_load_n(&g_last_answer, __ATOMIC_RELAXED);
    while (now > last &&
           !__atomic_compare_exchange_n(&g_last_answer, &last, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return MAX(now, last);
}

int64_t clock_monotonic(void)
{
    int64_t monotonic, offset;
    if (!g_tsc_hz)
        return ask_host(NULL);
    return page_read(&monotonic, &offset) ? monotonic : anchor();
}

int64_t clock_realtime(void)
{
    int64_t monotonic, offset;
    if (!g_tsc_hz) {
        monotonic = ask_host(&offset);
        return monotonic + offset;
    }
    if (!page_read(&monotonic, &offset)) {
        anchor();
        page_read(&monotonic, &offset);
    }
    return monotonic + offset;
}

int clock_read(int clock_id, int64_t *ns)
{
    switch (clock_id) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM: *ns = clock_monotonic(); return 0;
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI: *ns = clock_realtime(); return 0;
    default: return -EINVAL;
    }
}

/* ---- CPU time: clock ids of Linux with 0 for whose it is, and 4 for a thread's (posix-timers.h)
 */

#define CPU_CLOCK(kind, of_thread) ((int)(UINT32_MAX << 3 | (of_thread) | (uint32_t)(kind)))

int clock_cpu_process(int kind, int64_t *ns)
{
    *ns = host_clock(CPU_CLOCK(kind, 0));
    return *ns < 0 ? -EINVAL : 0;
}

int clock_cpu_self(int kind, int64_t *ns)
{
    *ns = host_clock(CPU_CLOCK(kind, 4));
    return *ns < 0 ? -EINVAL : 0;
}

int clock_cpu_thread(uint64_t number, int kind, int64_t *ns)
{
    struct linux_timespec ts = { 0 };
    *ns = host_call(thread_cputime, number, (uint64_t)kind, PTR(&ts)) ? -1 : sane_time(&ts);
    return *ns < 0 ? -EINVAL : 0;
}

int clock_init(uint64_t tsc_hz)
{
    g_clock_page = mem_pages(PAGE_SIZE);
    if (!g_clock_page)
        return -ENOMEM;
    g_tsc_hz = tsc_hz >= 1000000 && tsc_hz <= UINT64_C(20000000000) ? tsc_hz : 0;
    g_limit_ns = LIMIT_FIRST;
    if (g_tsc_hz)
        anchor();
    return 0;
}
