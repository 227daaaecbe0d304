/*
 * The enclave's layout and the order of its pages. Signer and launcher both call this, so that they
 * cannot disagree. Trusts nothing: image and plan are checked here as far as placing them needs.
 */
#include "lib/sgx/layout.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/image.h"

#define HEAP_LEAST     PAGE_SIZE
#define RW             (SECINFO_R | SECINFO_W)
#define MEASURED_FLAGS (PLAN_EDMM | PLAN_DEBUG)

/* Offsets in one thread's area, lowest first. */
enum {
    THREAD_EVENT = PAGE_SIZE, /* after a guard page */
    THREAD_EVENT_TOP = THREAD_EVENT + LAYOUT_EVENT_STACK,
    THREAD_STACK = THREAD_EVENT_TOP + PAGE_SIZE, /* after another: too deep a libos stack must fault, not run into stage one */
    THREAD_SSA = THREAD_STACK + LAYOUT_STACK_SIZE,
    THREAD_TCS = THREAD_SSA + LAYOUT_SSA_SIZE,
    THREAD_PAGE = THREAD_TCS + PAGE_SIZE,
};
static_assert(THREAD_PAGE + PAGE_SIZE == LAYOUT_THREAD_STRIDE, "a thread's area is full");
static_assert(sizeof(struct layout_thread) == 0x80, "struct layout_thread is an ABI");

static bool is_load(const struct elf_segment *s)
{
    return s->type == ELF_PT_LOAD && s->memsz;
}

/* Each page belongs to one segment: it can be added only once, with one set of permissions. */
static int check_image(const struct elf_image *image, uint64_t enclave_entry)
{
    uint64_t end = 0;

    if (image->type != ELF_ET_DYN || image->low != 0)
        return -EINVAL;
    if (!image_bytes(image, enclave_entry, 1, ELF_PF_X))
        return -EINVAL;
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        if (!is_load(s))
            continue;
        if (s->vaddr < end || !(s->flags & ELF_PF_R)) /* EADD refuses pages that cannot be read */
            return -EINVAL;
        end = ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
    }
    return 0;
}

static uint64_t power_of_two_from(uint64_t least)
{
    uint64_t size = PAGE_SIZE;
    while (size < least)
        size <<= 1;
    return size;
}

int layout_compute(const struct elf_image *image, uint64_t enclave_entry, const struct plan *plan,
                   struct layout *out, uint64_t *need)
{
    const struct plan_header *h = plan->h;
    uint64_t size = h->enclave_size;

    if (check_image(image, enclave_entry))
        return -EINVAL;
    if (size == 0 || (size & (size - 1)) || h->max_threads == 0 ||
        h->max_threads > LAYOUT_MAX_THREADS)
        return -EINVAL;

    uint64_t plan_pages = ALIGN_UP((uint64_t)h->size, PAGE_SIZE);
    uint64_t above_heap = PAGE_SIZE + h->max_threads * LAYOUT_THREAD_STRIDE + image->high + plan_pages;
    *need = power_of_two_from(LAYOUT_HEAP_START + HEAP_LEAST + above_heap);
    if (size < *need)
        return -ENOSPC;

    *out = (struct layout){
        .size = size,
        .heap_start = LAYOUT_HEAP_START,
        .heap_end = size - above_heap,
        .threads = size - above_heap + PAGE_SIZE,
        .thread_stride = LAYOUT_THREAD_STRIDE,
        .image = size - plan_pages - image->high,
        .image_size = image->high,
        .plan = size - plan_pages,
        .plan_pages_size = plan_pages,
        .max_threads = h->max_threads,
        .flags = h->flags,
        .plan_size = h->size,
    };
    out->entry = out->image + enclave_entry;
    return 0;
}

/* One walk over the pages. */
struct walk {
    const struct layout *l;
    uint8_t *scratch;
    layout_visit *visit;
    void *arg;
};

static int visit_run(struct walk *w, uint64_t address, uint64_t size, uint64_t secinfo,
                     int measured, const uint8_t *content)
{
    struct layout_run run = { address, size, secinfo, measured, content };
    return size ? w->visit(w->arg, &run) : 0;
}

/* [address, address + size): the file bytes go to `at`, zeros before and after them. */
static int visit_content(struct walk *w, uint64_t start, uint64_t end, uint64_t at,
                         const uint8_t *bytes, uint64_t bytes_size, uint64_t secinfo)
{
    uint64_t bytes_end = at + bytes_size;
    int ret = 0;

    for (uint64_t p = start, n; p < end && ret == 0; p += n) {
        if (p >= bytes_end) {
            n = end - p;
            ret = visit_run(w, p, n, secinfo, 1, NULL);
        } else if (p >= at && p + PAGE_SIZE <= bytes_end) {
            n = ALIGN_DOWN(bytes_end - p, PAGE_SIZE);
            ret = visit_run(w, p, n, secinfo, 1, bytes + (p - at));
        } else {
            uint64_t low = MAX(p, at), high = MIN(p + PAGE_SIZE, bytes_end);
            n = PAGE_SIZE;
            memset(w->scratch, 0, PAGE_SIZE);
            memcpy(w->scratch + (low - p), bytes + (low - at), high - low);
            ret = visit_run(w, p, n, secinfo, 1, w->scratch);
        }
    }
    return ret;
}

static const uint8_t *make_tcs(const struct layout *l, uint64_t thread, uint8_t *scratch)
{
    struct sgx_tcs *tcs = (struct sgx_tcs *)scratch;

    memset(tcs, 0, sizeof(*tcs));
    tcs->ossa = thread + THREAD_SSA;
    tcs->nssa = LAYOUT_NSSA;
    tcs->oentry = l->entry;
    tcs->ogsbasgx = thread + THREAD_PAGE;
    tcs->fslimit = tcs->gslimit = 0xfff;
    return scratch;
}

static const uint8_t *make_thread_page(const struct layout *l, uint64_t thread, uint32_t index,
                                       uint8_t *scratch)
{
    struct layout_thread t = {
        .self = thread + THREAD_PAGE,
        .stack_top = thread + THREAD_SSA,
        .stack_low = thread + THREAD_STACK,
        .ssa = thread + THREAD_SSA,
        .tcs = thread + THREAD_TCS,
        .index = index,
        .base = 0,
        .size = l->size,
        .heap_start = l->heap_start,
        .heap_end = l->heap_end,
        .image_start = l->image,
        .image_end = l->image + l->image_size,
        .plan = l->plan,
        .plan_size = l->plan_size,
        .flags = l->flags & MEASURED_FLAGS,
        .event_top = thread + THREAD_EVENT_TOP,
    };

    memset(scratch, 0, PAGE_SIZE);
    memcpy(scratch, &t, sizeof(t));
    return scratch;
}

static int visit_thread(struct walk *w, uint32_t index)
{
    uint64_t t = w->l->threads + index * w->l->thread_stride;
    int ret = visit_run(w, t + THREAD_EVENT, LAYOUT_EVENT_STACK, SECINFO_REG | RW, 0, NULL);

    if (ret == 0)
        ret = visit_run(w, t + THREAD_STACK, LAYOUT_STACK_SIZE, SECINFO_REG | RW, 0, NULL);
    if (ret == 0)
        ret = visit_run(w, t + THREAD_SSA, LAYOUT_SSA_SIZE, SECINFO_REG | RW, 1, NULL);
    if (ret == 0)
        ret = visit_run(w, t + THREAD_TCS, PAGE_SIZE, SECINFO_TCS, 1, make_tcs(w->l, t, w->scratch));
    if (ret == 0)
        ret = visit_run(w, t + THREAD_PAGE, PAGE_SIZE, SECINFO_REG | RW, 1,
                        make_thread_page(w->l, t, index, w->scratch));
    return ret;
}

static uint64_t segment_secinfo(const struct elf_segment *s)
{
    return SECINFO_REG | (s->flags & ELF_PF_R ? SECINFO_R : 0) |
           (s->flags & ELF_PF_W ? SECINFO_W : 0) | (s->flags & ELF_PF_X ? SECINFO_X : 0);
}

static int visit_image(struct walk *w, const struct elf_image *image)
{
    uint64_t base = w->l->image;
    int ret = 0;

    for (uint32_t i = 0; i < image->count && ret == 0; i++) {
        const struct elf_segment *s = &image->segments[i];
        if (!is_load(s))
            continue;
        ret = visit_content(w, base + ALIGN_DOWN(s->vaddr, PAGE_SIZE),
                            base + ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE), base + s->vaddr,
                            image->bytes + s->offset, s->filesz, segment_secinfo(s));
    }
    return ret;
}

int layout_for_each(const struct layout *l, const struct elf_image *image, const struct plan *plan,
                    uint8_t *scratch, layout_visit *visit, void *arg)
{
    struct walk w = { l, scratch, visit, arg };
    int ret = 0;

    if (!(l->flags & PLAN_EDMM))
        ret = visit_run(&w, l->heap_start, l->heap_end - l->heap_start,
                        SECINFO_REG | RW | SECINFO_X, 0, NULL);
    for (uint32_t i = 0; i < l->max_threads && ret == 0; i++)
        ret = visit_thread(&w, i);
    if (ret == 0)
        ret = visit_image(&w, image);
    if (ret == 0)
        ret = visit_content(&w, l->plan, l->plan + l->plan_pages_size, l->plan, plan->bytes,
                            l->plan_size, SECINFO_REG | SECINFO_R);
    return ret;
}
