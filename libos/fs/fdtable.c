/*
 * Descriptor tables: looked up by every system call, without a lock.
 *
 * An entry is one 64-bit word: the file's address shifted left by 16, and in the low 16 bits how
 * many references have been handed out through this entry. Installing a file adds ENTRY_CREDIT to
 * its reference count in advance; a look-up is then one fetch_add on the entry, which yields the
 * address and a reference in the same instant, so the file cannot vanish in between. Closing
 * exchanges the entry for 0 and gives back the credits that were not handed out. Entries stand in
 * segments that double in size, never move and live as long as the table: readers may follow a
 * segment pointer at any time. Numbers that follow each other have entries in different cache
 * lines, for threads count in neighbouring ones at once.
 */
#include "libos/fs/fdtable.h"

#include "enclave/heap.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dnotify.h"
#include "libos/fs/file.h"
#include "libos/fs/locks.h"

#define SEGMENT_FIRST 64u /* entries in segment 0; segment k > 0 holds 64 << (k - 1) */
#define SEGMENT_COUNT 15u
#define FD_MAX        (SEGMENT_FIRST << (SEGMENT_COUNT - 1))
#define ENTRY_CREDIT  0x8000u
#define ENTRY_REFILL  0x4000u
#define ENTRY_USED(e) ((uint32_t)((e)&0xffff))
#define ENTRY_FILE(e) ((struct file *)(uintptr_t)((e) >> 16))

struct entry {
    uint64_t word;    /* atomic; written under mu, counted up by anyone */
    uint32_t cloexec; /* mu */
    uint32_t pad;
};

struct fdtable {
    uint32_t refs;
    struct mutex mu;                       /* changes of the table */
    uint32_t limit;                        /* mu */
    uint32_t free;                         /* mu: no number below this is free */
    uint32_t end;                          /* mu: no number from here on is used */
    struct entry *segments[SEGMENT_COUNT]; /* set once each, under mu */
};

/* Among each 64 entries, four to a cache line: n, n + 16, n + 32 and n + 48 share one. */
static uint32_t spread(uint32_t n)
{
    return (n & ~63u) | (n & 15) << 2 | (n >> 4 & 3);
}

static unsigned segment_of(uint32_t fd, uint32_t *index)
{
    if (fd < SEGMENT_FIRST) {
        *index = spread(fd);
        return 0;
    }
    unsigned top = 31 - (unsigned)__builtin_clz(fd); /* >= 6 */
    *index = spread(fd - (1u << top));
    return top - 5;
}

static struct entry *entry_find(struct fdtable *t, uint32_t fd)
{
    uint32_t index;
    if (fd >= FD_MAX)
        return NULL;
    struct entry *segment = __atomic_load_n(&t->segments[segment_of(fd, &index)], __ATOMIC_ACQUIRE);
    return segment ? &segment[index] : NULL;
}

static struct entry *entry_make_locked(struct fdtable *t, uint32_t fd)
{
    uint32_t index;
    unsigned k = segment_of(fd, &index);
    if (!t->segments[k]) {
        size_t count = k ? (size_t)SEGMENT_FIRST << (k - 1) : SEGMENT_FIRST;
        struct entry *segment = mem_zalloc(count * sizeof(*segment));
        if (!segment)
            return NULL;
        __atomic_store_n(&t->segments[k], segment, __ATOMIC_RELEASE);
    }
    return &t->segments[k][index];
}

/* Takes over the caller's reference and adds the credits. */
static void entry_set_locked(struct entry *e, struct file *f, bool cloexec)
{
    assert(((uintptr_t)f >> 47) == 0);
    ref_add(&f->refs, ENTRY_CREDIT);
    e->cloexec = cloexec;
    __atomic_store_n(&e->word, (uint64_t)(uintptr_t)f << 16, __ATOMIC_RELEASE);
}

/* Empties the entry; returns the table's own reference, which the caller drops after unlocking, or
 * NULL. */
static struct file *entry_take_locked(struct entry *e)
{
    uint64_t word = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
    if (sync_is_alone())
        __atomic_store_n(&e->word, 0, __ATOMIC_RELAXED);
    else
        word = __atomic_exchange_n(&e->word, 0, __ATOMIC_ACQ_REL);
    struct file *f = ENTRY_FILE(word);
    e->cloexec = 0;
    if (f)
        ref_sub(&f->refs, ENTRY_CREDIT - ENTRY_USED(word));
    return f;
}

/* Many references went out through this entry: buy new credits. The word may change under us, only
 * upwards. */
static void entry_refill(struct fdtable *t, struct entry *e, struct file *f)
{
    mutex_lock(&t->mu);
    uint64_t word = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
    uint32_t used = ENTRY_USED(word);
    if (ENTRY_FILE(word) == f && used >= ENTRY_REFILL) {
        __atomic_fetch_add(&f->refs, used, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&e->word, used, __ATOMIC_RELEASE);
    }
    mutex_unlock(&t->mu);
}

struct file *fd_lookup(struct fdtable *t, int fd)
{
    struct entry *e = entry_find(t, (uint32_t)fd);
    if (!e || !__atomic_load_n(&e->word, __ATOMIC_RELAXED))
        return NULL;
    uint64_t word = __atomic_fetch_add(&e->word, 1, __ATOMIC_ACQUIRE);
    struct file *f = ENTRY_FILE(word);
    if (!f) {
        /* Closed between the two: take back our count, unless an install has overwritten the word.
         */
        uint64_t mine = word + 1;
        while (mine && !ENTRY_FILE(mine) &&
               !__atomic_compare_exchange_n(&e->word, &mine, mine - 1, false, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
            ;
        return NULL;
    }
    if (ENTRY_USED(word) >= ENTRY_REFILL)
        entry_refill(t, e, f);
    return f;
}

struct file *fd_lookup_open(struct fdtable *t, int fd)
{
    struct file *f = fd_lookup(t, fd);
    if (!f || !(f->flags & O_PATH))
        return f;
    file_put(f);
    return NULL;
}

struct fd_use fd_use(struct fdtable *t, int fd, bool alone)
{
    if (!alone || __atomic_load_n(&t->refs, __ATOMIC_RELAXED) != 1) {
        struct file *f = fd_lookup(t, fd);
        return (struct fd_use){ f, f };
    }
    struct entry *e = entry_find(t, (uint32_t)fd);
    return (struct fd_use){ e ? ENTRY_FILE(__atomic_load_n(&e->word, __ATOMIC_RELAXED)) : NULL,
                            false };
}

static bool entry_used(const struct entry *e)
{
    return e && ENTRY_FILE(__atomic_load_n(&e->word, __ATOMIC_RELAXED));
}

struct fdtable *fdtable_new(uint32_t limit)
{
    struct fdtable *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->refs = 1;
    t->limit = MIN(limit, FD_MAX);
    return t;
}

void fdtable_get(struct fdtable *t)
{
    ref_get(&t->refs);
}

static IN_LINE int close_taken(struct fdtable *t, struct file *f)
{
    int r = f->ops->flush ? f->ops->flush(f) : 0;
    locks_close(t, f);
    if (f->dnotify)
        dnotify_forget(t, f);
    file_put(f);
    return r;
}

void fdtable_put(struct fdtable *t)
{
    if (!t || !ref_put(&t->refs))
        return;
    for (uint32_t fd = 0; fd < t->end; fd++) {
        struct entry *e = entry_find(t, fd);
        struct file *f = e ? entry_take_locked(e) : NULL;
        if (f)
            (void)close_taken(t, f);
    }
    for (unsigned k = 0; k < SEGMENT_COUNT; k++)
        mem_free(t->segments[k]);
    mem_free(t);
}

struct fdtable *fdtable_clone(struct fdtable *t)
{
    struct fdtable *copy = fdtable_new(FD_MAX);
    if (!copy)
        return NULL;
    mutex_lock(&t->mu);
    copy->limit = t->limit;
    copy->free = t->free;
    for (uint32_t fd = 0; fd < t->end; fd++) {
        struct entry *from = entry_find(t, fd);
        if (!entry_used(from))
            continue;
        struct entry *to = entry_make_locked(copy, fd);
        if (!to) {
            mutex_unlock(&t->mu);
            fdtable_put(copy);
            return NULL;
        }
        entry_set_locked(to, file_get(ENTRY_FILE(from->word)), from->cloexec);
        copy->end = fd + 1;
    }
    mutex_unlock(&t->mu);
    return copy;
}

/* For the calls that open and close: the machine's only thread needs no lock, and makes no other while it holds one. */
static void table_lock(struct fdtable *t)
{
    if (!sync_is_alone())
        mutex_lock(&t->mu);
}

static void table_unlock(struct fdtable *t)
{
    if (!sync_is_alone())
        mutex_unlock(&t->mu);
}

static int find_free_locked(struct fdtable *t, uint32_t least)
{
    uint32_t fd = MAX(least, t->free);
    while (fd < t->end && entry_used(entry_find(t, fd)))
        fd++;
    return fd < t->limit ? (int)fd : -EMFILE;
}

int fd_install(struct fdtable *t, struct file *f, int least, bool cloexec)
{
    table_lock(t);
    int fd = find_free_locked(t, (uint32_t)least);
    if (fd >= 0) {
        struct entry *e = entry_make_locked(t, (uint32_t)fd);
        if (e) {
            entry_set_locked(e, f, cloexec);
            t->end = MAX(t->end, (uint32_t)fd + 1);
            if ((uint32_t)least <= t->free)
                t->free = (uint32_t)fd + 1;
        } else {
            fd = -ENOMEM;
        }
    }
    table_unlock(t);
    return fd;
}

int fd_install_at(struct fdtable *t, struct file *f, int fd, bool cloexec)
{
    mutex_lock(&t->mu);
    struct entry *e = NULL;
    int r = -EBADF;
    if (fd >= 0 && (uint32_t)fd < t->limit) {
        e = entry_make_locked(t, (uint32_t)fd);
        r = e ? fd : -ENOMEM;
    }
    struct file *old = NULL;
    if (e) {
        old = entry_take_locked(e);
        entry_set_locked(e, f, cloexec);
        t->end = MAX(t->end, (uint32_t)fd + 1);
    }
    mutex_unlock(&t->mu);
    if (old)
        (void)close_taken(t, old);
    return r;
}

static struct file *take_locked(struct fdtable *t, uint32_t fd)
{
    struct entry *e = entry_find(t, fd);
    struct file *f = e ? entry_take_locked(e) : NULL;
    if (f && fd < t->free)
        t->free = fd;
    return f;
}

IN_LINE int fd_close(struct fdtable *t, int fd)
{
    table_lock(t);
    struct file *f = take_locked(t, (uint32_t)fd);
    table_unlock(t);
    if (!f)
        return -EBADF;
    return close_taken(t, f);
}

int fd_close_range(struct fdtable *t, uint32_t first, uint32_t last, bool cloexec_only)
{
    if (first > last)
        return -EINVAL;
    mutex_lock(&t->mu);
    uint32_t end = t->end;
    for (uint32_t fd = first; fd <= last && fd < end; fd++) {
        struct entry *e = entry_find(t, fd);
        if (!entry_used(e))
            continue;
        if (cloexec_only) {
            e->cloexec = 1;
            continue;
        }
        struct file *f = take_locked(t, fd);
        mutex_unlock(&t->mu);
        (void)close_taken(t, f);
        mutex_lock(&t->mu);
    }
    mutex_unlock(&t->mu);
    return 0;
}

void fd_close_on_exec(struct fdtable *t)
{
    mutex_lock(&t->mu);
    for (uint32_t fd = 0; fd < t->end; fd++) {
        struct entry *e = entry_find(t, fd);
        if (!entry_used(e) || !e->cloexec)
            continue;
        struct file *f = take_locked(t, fd);
        mutex_unlock(&t->mu);
        (void)close_taken(t, f);
        mutex_lock(&t->mu);
    }
    mutex_unlock(&t->mu);
}

int fd_get_cloexec(struct fdtable *t, int fd)
{
    mutex_lock(&t->mu);
    struct entry *e = entry_find(t, (uint32_t)fd);
    int r = entry_used(e) ? (int)e->cloexec : -EBADF;
    mutex_unlock(&t->mu);
    return r;
}

int fd_set_cloexec(struct fdtable *t, int fd, bool on)
{
    mutex_lock(&t->mu);
    struct entry *e = entry_find(t, (uint32_t)fd);
    int r = entry_used(e) ? 0 : -EBADF;
    if (r == 0)
        e->cloexec = on;
    mutex_unlock(&t->mu);
    return r;
}

int fd_next(struct fdtable *t, int fd)
{
    mutex_lock(&t->mu);
    uint32_t n = (uint32_t)fd;
    while (n < t->end && !entry_used(entry_find(t, n)))
        n++;
    int r = n < t->end ? (int)n : -1;
    mutex_unlock(&t->mu);
    return r;
}

void fdtable_set_limit(struct fdtable *t, uint32_t limit)
{
    mutex_lock(&t->mu);
    t->limit = MIN(limit, FD_MAX);
    mutex_unlock(&t->mu);
}
