/*
 * See fake_machine.h. Checks its callers: committing a range that is not taken, protecting or
 * releasing pages that do not exist fails the test.
 */
#include "fake_machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* libc calls mremap variadic with GNU extensions; declared here so that its flags do not meet ours
 */
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

void *mmap(void *, size_t, int, int, int, off_t);
int mprotect(void *, size_t, int);
int madvise(void *, size_t, int);
void *mremap(void *, size_t, size_t, int, ...);
#define HOST_FLAGS (0x02 | 0x10 | 0x20 | 0x4000) /* private fixed anonymous noreserve */

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include <sched.h>

void spin_lock_slow(struct spinlock *l)
{
    while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

#define CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x), abort()))
#define PAGES    (FAKE_SIZE / PAGE_SIZE)

struct machine g_machine;
unsigned g_log_level, g_trace;
static struct plan_header g_header;
static struct {
    bool taken, committed, reserved;
    uint8_t prot;
} g_page[PAGES];

void fake_machine_init(bool is_enclave)
{
    memset(g_page, 0, sizeof(g_page));
    g_machine.is_enclave = is_enclave;
    g_machine.range_low = FAKE_LOW;
    g_machine.range_high = FAKE_LOW + FAKE_SIZE;
    g_header.brk_max = 16 * PAGE_SIZE;
    g_header.flags = PLAN_DISABLE_ASLR;
    g_machine.plan.h = &g_header;
    void *p = mmap((void *)FAKE_LOW, FAKE_SIZE, 0, HOST_FLAGS, -1, 0);
    CHECK(p == (void *)FAKE_LOW);
}

static uint64_t index_of(uint64_t address, uint64_t size)
{
    CHECK(IS_ALIGNED(address, PAGE_SIZE) && IS_ALIGNED(size, PAGE_SIZE) && size);
    CHECK(address >= FAKE_LOW && address + size <= FAKE_LOW + FAKE_SIZE);
    return (address - FAKE_LOW) / PAGE_SIZE;
}

bool fake_page_committed(uint64_t address)
{
    return g_page[index_of(address, PAGE_SIZE)].committed;
}

unsigned fake_page_prot(uint64_t address)
{
    return g_page[index_of(address, PAGE_SIZE)].prot;
}

uint64_t fake_pages_committed(void)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < PAGES; i++)
        n += g_page[i].committed;
    return n;
}

uint64_t fake_pages_taken(void)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < PAGES; i++)
        n += g_page[i].taken;
    return n;
}

/* ---- enclave/ranges.h */

uint64_t range_alloc(uint64_t size, uint64_t align, uint64_t low, uint64_t high)
{
    low = MAX(low, FAKE_LOW);
    high = MIN(high, FAKE_LOW + FAKE_SIZE);
    if (high < low || size > high - low)
        return 0;
    for (uint64_t at = ALIGN_DOWN(high - size, align); at >= low; at -= align) {
        uint64_t i = index_of(at, size), n = size / PAGE_SIZE, k = 0;
        while (k < n && !g_page[i + k].taken)
            k++;
        if (k == n) {
            for (k = 0; k < n; k++)
                g_page[i + k].taken = true;
            return at;
        }
    }
    return 0;
}

int range_take(uint64_t address, uint64_t size)
{
    if (address < FAKE_LOW || address + size > FAKE_LOW + FAKE_SIZE)
        return -ENOMEM;
    uint64_t i = index_of(address, size), n = size / PAGE_SIZE;
    for (uint64_t k = 0; k < n; k++)
        if (g_page[i + k].taken)
            return -EEXIST;
    for (uint64_t k = 0; k < n; k++)
        g_page[i + k].taken = true;
    return 0;
}

void range_free(uint64_t address, uint64_t size)
{
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].taken);
        CHECK(!g_page[i + k].committed);
        g_page[i + k].taken = false;
    }
}

/* ---- enclave/machine.h */

int machine_pages_commit(uint64_t address, uint64_t size, unsigned prot)
{
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].taken);
        CHECK(!g_machine.is_enclave || !g_page[i + k].committed); /* a plain process may map over pages */
        g_page[i + k].committed = true;
        g_page[i + k].prot = (uint8_t)prot;
    }
    CHECK(mmap((void *)address, size, (int)prot, HOST_FLAGS, -1, 0) == (void *)address);
    return 0;
}

int machine_pages_commit_sparse(uint64_t address, uint64_t size, unsigned prot)
{
    return machine_pages_commit(address, size, prot);
}

int machine_pages_protect(uint64_t address, uint64_t size, unsigned prot)
{
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].committed);
        g_page[i + k].prot = (uint8_t)prot;
    }
    CHECK(mprotect((void *)address, size, (int)prot) == 0);
    return 0;
}

int machine_pages_release(uint64_t address, uint64_t size)
{
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].taken);
        CHECK(!g_machine.is_enclave || g_page[i + k].committed);
        g_page[i + k].committed = false;
    }
    CHECK(mmap((void *)address, size, 0, HOST_FLAGS, -1, 0) == (void *)address);
    return 0;
}

int machine_pages_discard(uint64_t address, uint64_t size)
{
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].committed);
        CHECK(!g_machine.is_enclave || (g_page[i + k].prot & PAGE_W)); /* it writes zeroes */
    }
    CHECK(madvise((void *)address, size, 4) == 0);
    return 0;
}

int machine_pages_map_file(uint64_t address, uint64_t size, unsigned prot, int flags, int host_fd,
                           uint64_t offset)
{
    if (g_machine.is_enclave)
        return -EOPNOTSUPP;
    uint64_t i = index_of(address, size);
    for (uint64_t k = 0; k < size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].taken);
        g_page[i + k].committed = host_fd >= 0;
        g_page[i + k].prot = (uint8_t)prot;
    }
    int anonymous = host_fd < 0 ? 0x20 | 0x4000 : 0;
    CHECK(mmap((void *)address, size, (int)prot, flags | 0x10 | anonymous, host_fd,
               (off_t)offset) == (void *)address);
    return 0;
}

int machine_pages_move(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size)
{
    if (g_machine.is_enclave)
        return -EOPNOTSUPP;
    uint64_t i = index_of(from, from_size), j = index_of(to, to_size);
    CHECK(from_size == to_size);
    for (uint64_t k = 0; k < from_size / PAGE_SIZE; k++) {
        CHECK(g_page[i + k].committed && g_page[j + k].taken);
        g_page[j + k].committed = true;
        g_page[j + k].prot = g_page[i + k].prot;
        g_page[i + k].committed = false;
    }
    CHECK(mremap((void *)from, from_size, to_size, 3, (void *)to) == (void *)to);
    return 0;
}

int machine_pages_advise(uint64_t address, uint64_t size, int advice)
{
    return 0;
}

int machine_random(void *out, size_t size)
{
    memset(out, 0x5a, size);
    return 0;
}

/* ---- the rest */

void mutex_lock_slow(struct mutex *m)
{
    while (!mutex_trylock(m))
        cpu_pause();
}

void mutex_unlock_slow(struct mutex *m) {}

void *mem_alloc(size_t size)
{
    return malloc(size);
}

void *mem_zalloc(size_t size)
{
    return calloc(1, size);
}

void *mem_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void mem_free(void *p)
{
    free(p);
}

void *mem_pages(size_t size)
{
    void *p = aligned_alloc(PAGE_SIZE, size);
    return p ? memset(p, 0, size) : NULL;
}

void mem_pages_free(void *p, size_t size)
{
    free(p);
}

void log_print(enum plan_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6])
{
    long n = syscall(hostcall_table[nr].linux_nr, r[0], r[1], r[2], r[3], r[4], r[5]);
    return n < 0 ? -errno : n;
}
