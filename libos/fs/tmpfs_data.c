/*
 * Pages of files in memory. Ordinary pages come from the trusted heap one by one. The first shared
 * mapping moves the file's beginning into a run of the program's address space with room to grow, so that
 * every mapping and every read and write of the file touches the same memory.
 */
#include "libos/fs/tmpfs_data.h"

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"

#define RUN_LEAST     (UINT64_C(1) << 20)
#define PAGES_AT_ONCE UINT64_C(512)
#define SIZE_MAX_     (UINT64_C(1) << 46)

/* What statfs says that there is; the plan's word, since nothing else bounds memory in a plain process. */
static uint64_t tmpfs_limit(void)
{
    return g_machine.plan.h ? g_machine.plan.h->enclave_size : SIZE_MAX_;
}

void tmpfs_data_init(struct tmpfs_data *d)
{
    *d = (struct tmpfs_data){ 0 };
}

static bool in_run(const struct tmpfs_data *d, uint64_t i)
{
    return d->run && i < d->run_pages;
}

/* Pages that lie side by side go back to the heap, and so to the host, by one call. */
struct going {
    uint8_t *at;
    uint64_t size;
};

static void let_go(struct going *g)
{
    mem_pages_free(g->at, g->size);
    *g = (struct going){ NULL, 0 };
}

static void go(struct going *g, uint8_t *page)
{
    bool above = g->at && page == g->at + g->size, below = g->at && page + PAGE_SIZE == g->at;
    if (!above && !below)
        let_go(g);
    g->at = above ? g->at : page;
    g->size += PAGE_SIZE;
}

static void drop_page(struct tmpfs_data *d, uint64_t i, struct going *g)
{
    uint8_t *page = page_tree_get(&d->pages, i);
    if (!page)
        return;
    if (in_run(d, i)) {
        memset(page, 0, PAGE_SIZE); /* stays: it may be mapped */
        return;
    }
    go(g, page);
    *page_tree_slot(&d->pages, i) = NULL; /* its nodes exist */
    d->resident--;
}

void tmpfs_data_fini(struct tmpfs_data *d)
{
    struct going g = { NULL, 0 };
    for (uint64_t i = 0; page_tree_next(&d->pages, &i); i++) {
        if (in_run(d, i))
            machine_pages_release((uint64_t)(uintptr_t)page_tree_get(&d->pages, i), PAGE_SIZE);
        else
            drop_page(d, i, &g);
    }
    let_go(&g);
    if (d->run)
        range_free((uint64_t)(uintptr_t)d->run, d->run_pages * PAGE_SIZE);
    page_tree_free(&d->pages);
    tmpfs_data_init(d);
}

static uint8_t *make_page(struct tmpfs_data *d, uint64_t i)
{
    uint8_t **slot = page_tree_slot(&d->pages, i);
    if (!slot || *slot)
        return slot ? *slot : NULL;
    if (in_run(d, i)) {
        uint8_t *page = d->run + i * PAGE_SIZE;
        if (machine_pages_commit((uint64_t)(uintptr_t)page, PAGE_SIZE, PAGE_R | PAGE_W) < 0)
            return NULL;
        *slot = page;
    } else {
        *slot = mem_pages(PAGE_SIZE);
    }
    d->resident += *slot != NULL;
    return *slot;
}

/* Pages from i on that are not there yet, as many as one call of the host can bring. How many; 0 without memory. */
static uint64_t make_pages(struct tmpfs_data *d, uint64_t i, uint64_t end)
{
    uint64_t n = 0, most = MIN(end - i, PAGES_AT_ONCE);
    while (n < most && !in_run(d, i + n) && !page_tree_get(&d->pages, i + n))
        n++;
    uint8_t *pages = n > 1 ? mem_pages(n * PAGE_SIZE) : NULL;
    if (!pages)
        return make_page(d, i) ? 1 : 0;
    for (uint64_t k = 0; k < n; k++) {
        uint8_t **slot = page_tree_slot(&d->pages, i + k);
        if (!slot) {
            mem_pages_free(pages + k * PAGE_SIZE, (n - k) * PAGE_SIZE);
            return k;
        }
        *slot = pages + k * PAGE_SIZE;
        d->resident++;
    }
    return n;
}

int64_t tmpfs_data_read(struct tmpfs_data *d, struct iobuf *b, uint64_t offset)
{
    int64_t done = 0, n = 0;
    mutex_lock(&d->mu);
    while (b->left && offset < d->size) {
        uint64_t i = offset / PAGE_SIZE, at = offset % PAGE_SIZE;
        uint64_t part = MIN(MIN(PAGE_SIZE - at, d->size - offset), b->left);
        uint8_t *page = page_tree_get(&d->pages, i);
        n = page ? iobuf_put(b, page + at, part) : iobuf_put_zero(b, part);
        if (n <= 0)
            break;
        offset += (uint64_t)n;
        done += n;
        if ((uint64_t)n < part)
            break;
    }
    mutex_unlock(&d->mu);
    return done ? done : n;
}

static int64_t write_locked(struct tmpfs_data *d, struct iobuf *b, uint64_t offset, uint64_t limit)
{
    int64_t done = 0, n = 0;
    while (b->left && offset < limit) {
        uint64_t at = offset % PAGE_SIZE;
        uint64_t part = MIN(MIN(PAGE_SIZE - at, limit - offset), b->left);
        uint8_t *page = make_page(d, offset / PAGE_SIZE);
        n = page ? iobuf_get(b, page + at, part) : -ENOSPC;
        if (n <= 0)
            break;
        offset += (uint64_t)n;
        done += n;
        d->size = MAX(d->size, offset);
        if ((uint64_t)n < part)
            break;
    }
    return done ? done : n;
}

int64_t tmpfs_data_write(struct tmpfs_data *d, struct iobuf *b, uint64_t *offset, bool append, bool may_grow)
{
    mutex_lock(&d->mu);
    uint64_t from = append ? d->size : *offset;
    uint64_t limit = may_grow ? SIZE_MAX_ : d->size;
    int64_t n = b->left == 0 ? 0 : from >= SIZE_MAX_ ? -EFBIG : from >= limit ? -EPERM : write_locked(d, b, from, limit);
    mutex_unlock(&d->mu);
    if (n > 0)
        *offset = from + (uint64_t)n;
    return n;
}

int tmpfs_data_resize(struct tmpfs_data *d, uint64_t size)
{
    if (size > SIZE_MAX_)
        return -EFBIG;
    mutex_lock(&d->mu);
    if (size < d->size) {
        uint64_t first = (size + PAGE_SIZE - 1) / PAGE_SIZE;
        struct going g = { NULL, 0 };
        for (uint64_t i = first; page_tree_next(&d->pages, &i); i++)
            drop_page(d, i, &g);
        let_go(&g);
        uint8_t *last = page_tree_get(&d->pages, size / PAGE_SIZE);
        if (size % PAGE_SIZE && last)
            memset(last + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
    }
    d->size = size;
    mutex_unlock(&d->mu);
    return 0;
}

int tmpfs_data_reserve(struct tmpfs_data *d, uint64_t offset, uint64_t size)
{
    struct going g = { NULL, 0 };
    uint64_t end, n, first = offset / PAGE_SIZE, i = first;
    if (!checked_add(offset, size, &end) || end > SIZE_MAX_)
        return -EFBIG;
    if (size > tmpfs_limit())
        return -ENOSPC; /* at once, as Linux: not when all memory has gone */
    mutex_lock(&d->mu);
    uint64_t last = (end + PAGE_SIZE - 1) / PAGE_SIZE;
    while (i < last && (n = make_pages(d, i, last)) > 0)
        i += n;
    int r = i < last ? -ENOSPC : 0;
    uint64_t file_end = (d->size + PAGE_SIZE - 1) / PAGE_SIZE;
    while (r < 0 && i > MAX(first, file_end))
        drop_page(d, --i, &g); /* beyond the end there was nothing to lose */
    let_go(&g);
    mutex_unlock(&d->mu);
    return r;
}

void tmpfs_data_punch(struct tmpfs_data *d, uint64_t offset, uint64_t size)
{
    struct going g = { NULL, 0 };
    mutex_lock(&d->mu);
    uint64_t end = offset + MIN(size, SIZE_MAX_), i = offset / PAGE_SIZE;
    for (; page_tree_next(&d->pages, &i) && i * PAGE_SIZE < end; i++) {
        uint64_t from = MAX(offset, i * PAGE_SIZE), to = MIN(end, (i + 1) * PAGE_SIZE);
        if (to - from == PAGE_SIZE)
            drop_page(d, i, &g);
        else
            memset(page_tree_get(&d->pages, i) + from % PAGE_SIZE, 0, to - from);
    }
    let_go(&g);
    mutex_unlock(&d->mu);
}

/* Reserve addresses for the run, with room for the file to grow a few times over, and move its pages there. */
static int start_run(struct tmpfs_data *d, uint64_t pages)
{
    uint64_t size = MAX(ALIGN_UP(MAX(d->size, pages * PAGE_SIZE), PAGE_SIZE) * 2, RUN_LEAST);
    uint64_t at = range_alloc(size, PAGE_SIZE, g_machine.range_low, g_machine.range_high);
    if (!at) {
        size = ALIGN_UP(MAX(d->size, pages * PAGE_SIZE), PAGE_SIZE);
        at = range_alloc(size, PAGE_SIZE, g_machine.range_low, g_machine.range_high);
    }
    if (!at)
        return -ENOMEM;
    uint8_t *run = (uint8_t *)(uintptr_t)at;
    for (uint64_t i = 0; page_tree_next(&d->pages, &i); i++) {
        if (i * PAGE_SIZE >= size || machine_pages_commit(at + i * PAGE_SIZE, PAGE_SIZE, PAGE_R | PAGE_W) < 0) {
            for (uint64_t k = 0; page_tree_next(&d->pages, &k) && k < i; k++)
                machine_pages_release(at + k * PAGE_SIZE, PAGE_SIZE);
            range_free(at, size);
            return -ENOMEM;
        }
        memcpy(run + i * PAGE_SIZE, page_tree_get(&d->pages, i), PAGE_SIZE);
    }
    for (uint64_t i = 0; page_tree_next(&d->pages, &i); i++) {
        mem_pages_free(page_tree_get(&d->pages, i), PAGE_SIZE);
        *page_tree_slot(&d->pages, i) = run + i * PAGE_SIZE;
    }
    d->run = run;
    d->run_pages = size / PAGE_SIZE;
    return 0;
}

uint64_t tmpfs_data_share(struct tmpfs_data *d, uint64_t offset, uint64_t size)
{
    uint64_t end, at = 0;
    if (!checked_add(offset, size, &end) || end > SIZE_MAX_)
        return 0;
    mutex_lock(&d->mu);
    uint64_t pages = (end + PAGE_SIZE - 1) / PAGE_SIZE;
    int r = d->run ? 0 : start_run(d, pages);
    if (r == 0 && pages > d->run_pages)
        r = -ENOMEM;
    for (uint64_t i = offset / PAGE_SIZE; i < pages && r == 0; i++)
        r = make_page(d, i) ? 0 : -ENOMEM;
    if (r == 0)
        at = (uint64_t)(uintptr_t)d->run + offset;
    mutex_unlock(&d->mu);
    return at;
}
