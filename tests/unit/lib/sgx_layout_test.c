/* The image's note, the enclave's layout, and MRENCLAVE by records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/image.h"
#include "lib/sgx/measure.h"
#include "sgx_sample.h"

#define SIZE (UINT64_C(4) << 20)

static struct sample g_sample;

static void the_note_names_entry_and_enclu_sites(void **state)
{
    struct image_note note;
    uint64_t vaddr;
    assert_int_equal(sample_make(&g_sample, SIZE, 1, 0), 0);
    assert_int_equal(image_find_note(&g_sample.image, &note), 0);
    assert_int_equal(note.enclave_entry, SAMPLE_ENTRY);
    assert_int_equal(note.enclu_count, 2);
    assert_int_equal(image_enclu_site(&g_sample.image, &note, 0, &vaddr), 0);
    assert_int_equal(vaddr, 0x1200);
    assert_int_equal(image_enclu_site(&g_sample.image, &note, 1, &vaddr), 0);
    assert_int_equal(vaddr, 0x2000);
    assert_int_equal(image_enclu_site(&g_sample.image, &note, 2, &vaddr), -EINVAL);
    g_sample.image_bytes[0x1202] = 0xd0; /* xgetbv */
    assert_int_equal(image_enclu_site(&g_sample.image, &note, 0, &vaddr), -EINVAL);
}

static int note_with(size_t offset, uint64_t value, size_t width)
{
    struct image_note note;
    assert_int_equal(sample_make(&g_sample, SIZE, 1, 0), 0);
    memcpy(g_sample.image_bytes + SAMPLE_NOTE + offset, &value, width);
    return image_find_note(&g_sample.image, &note);
}

static void damaged_notes_are_refused(void **state)
{
    assert_int_equal(note_with(8, 2, 4), -ENOENT);          /* another type */
    assert_int_equal(note_with(12, 'c', 1), -ENOENT);       /* another name */
    assert_int_equal(note_with(0, UINT32_MAX, 4), -EINVAL); /* name beyond the segment */
    assert_int_equal(note_with(4, 36, 4), -EINVAL);
    assert_int_equal(note_with(4, 28, 4), -EINVAL);
    assert_int_equal(note_with(24, 0, 8), -EINVAL);         /* entry in the note: not executable */
    assert_int_equal(note_with(24, 1ull << 63, 8), -EINVAL);
    assert_int_equal(note_with(32, 1ull << 62, 8), -EINVAL);
    assert_int_equal(note_with(40, UINT64_MAX / 4 + 2, 8), -EINVAL); /* count * 4 wraps */
    assert_int_equal(note_with(40, 0x1000, 8), -EINVAL);
    assert_int_equal(note_with(48, 1, 8), -EINVAL);
}

static int compute(uint64_t size, uint32_t threads, struct layout *l, uint64_t *need)
{
    assert_int_equal(sample_make(&g_sample, size, threads, 0), 0);
    return layout_compute(&g_sample.image, SAMPLE_ENTRY, &g_sample.plan, l, need);
}

static void areas_stand_from_the_top_downwards(void **state)
{
    struct layout l;
    uint64_t need, stride = 0x1000 + 0x4000 + 0x1000 + 0x20000 + 0x8000 + 0x1000 + 0x1000;
    assert_int_equal(compute(SIZE, 3, &l, &need), 0);
    assert_int_equal(l.plan, SIZE - 0x2000);
    assert_int_equal(l.image, l.plan - 0x8000);
    assert_int_equal(l.entry, l.image + SAMPLE_ENTRY);
    assert_int_equal(l.thread_stride, stride);
    assert_int_equal(l.threads, l.image - 3 * stride);
    assert_int_equal(l.heap_end, l.threads - 0x1000);
    assert_int_equal(l.heap_start, 0x10000);
}

static void a_small_enclave_says_how_large_it_must_be(void **state)
{
    struct layout l;
    uint64_t need;
    assert_int_equal(compute(1 << 18, 1, &l, &need), -ENOSPC);
    assert_int_equal(need, 1 << 19);
    assert_int_equal(compute(need, 1, &l, &need), 0);
    assert_int_equal(compute(SIZE + 4096, 1, &l, &need), -EINVAL);
    assert_int_equal(compute(0, 1, &l, &need), -EINVAL);
    assert_int_equal(compute(SIZE, 0, &l, &need), -EINVAL);
    assert_int_equal(compute(SIZE, 4097, &l, &need), -EINVAL);
    assert_int_equal(compute(UINT64_C(1) << 63, 4096, &l, &need), 0);
}

static void images_that_cannot_be_laid_out_are_refused(void **state)
{
    struct layout l;
    uint64_t need;
    assert_int_equal(sample_make(&g_sample, SIZE, 1, 0), 0);
    assert_int_equal(layout_compute(&g_sample.image, 0x4400, &g_sample.plan, &l, &need), -EINVAL);
    g_sample.image.segments[1].vaddr = 0x300; /* shares the first page */
    assert_int_equal(layout_compute(&g_sample.image, SAMPLE_ENTRY, &g_sample.plan, &l, &need), -EINVAL);
    assert_int_equal(sample_make(&g_sample, SIZE, 1, 0), 0);
    g_sample.image.type = ELF_ET_EXEC;
    assert_int_equal(layout_compute(&g_sample.image, SAMPLE_ENTRY, &g_sample.plan, &l, &need), -EINVAL);
}

struct seen {
    uint64_t end, pages, zero_pages;
    const struct layout *l;
};

/* Ascending, page aligned, and each byte where the file's layout says it must be. */
static int check_run(void *arg, const struct layout_run *r)
{
    struct seen *seen = arg;
    assert_true(IS_ALIGNED(r->address, PAGE_SIZE) && IS_ALIGNED(r->size, PAGE_SIZE) && r->size);
    assert_true(r->address >= seen->end);
    seen->end = r->address + r->size;
    seen->pages += r->size / PAGE_SIZE;
    if (r->address < seen->l->image || r->address >= seen->l->plan)
        return 0;
    for (uint64_t i = 0; i < r->size; i++) {
        uint64_t vaddr = r->address + i - seen->l->image;
        uint8_t want = 0;
        if (vaddr < 0x400 || (vaddr >= 0x1000 && vaddr < 0x2234))
            want = g_sample.image_bytes[vaddr];
        else if (vaddr >= 0x4300 && vaddr < 0x5500)
            want = g_sample.image_bytes[vaddr - 0x2000];
        assert_int_equal(r->content ? r->content[i] : 0, want);
    }
    return 0;
}

static void every_page_is_visited_once_in_ascending_order(void **state)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    struct layout l;
    uint64_t need;
    assert_int_equal(compute(SIZE, 2, &l, &need), 0);
    struct seen seen = { .l = &l };
    assert_int_equal(layout_for_each(&l, &g_sample.image, &g_sample.plan, scratch, check_run, &seen), 0);
    /* heap, per thread 4 + 32 + 8 + 1 + 1, image 1 + 2 + 4, plan 2 */
    assert_int_equal(seen.pages, (l.heap_end - l.heap_start) / 4096 + 2 * 46 + 7 + 2);
    assert_int_equal(seen.end, SIZE);

    sample_header(&g_sample)->flags = PLAN_EDMM;
    assert_int_equal(layout_compute(&g_sample.image, SAMPLE_ENTRY, &g_sample.plan, &l, &need), 0);
    seen = (struct seen){ .l = &l };
    assert_int_equal(layout_for_each(&l, &g_sample.image, &g_sample.plan, scratch, check_run, &seen), 0);
    assert_int_equal(seen.pages, 2 * 46 + 7 + 2);
}

static int stop_at_tcs(void *arg, const struct layout_run *r)
{
    if (r->secinfo != SECINFO_TCS)
        return 0;
    memcpy(arg, r->content, sizeof(struct sgx_tcs));
    return 42;
}

static void a_tcs_points_into_its_own_thread_area(void **state)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    struct sgx_tcs tcs;
    struct layout l;
    uint64_t need;
    assert_int_equal(compute(SIZE, 1, &l, &need), 0);
    assert_int_equal(layout_for_each(&l, &g_sample.image, &g_sample.plan, scratch, stop_at_tcs, &tcs), 42);
    assert_int_equal(tcs.ossa, l.threads + 0x26000);
    assert_int_equal(tcs.nssa, 2);
    assert_int_equal(tcs.cssa, 0);
    assert_int_equal(tcs.flags, 0);
    assert_int_equal(tcs.oentry, l.entry);
    assert_int_equal(tcs.ogsbasgx, l.threads + 0x2f000);
    assert_int_equal(tcs.fslimit, 0xfff);
}

/* Pages around both stacks are not there: whoever runs off the end of one faults. */
static int no_guard_is_added(void *arg, const struct layout_run *r)
{
    const struct layout *l = arg;
    const uint64_t guards[] = { l->threads - 0x1000, l->threads, l->threads + 0x5000, l->threads + l->thread_stride };
    for (size_t i = 0; i < ARRAY_COUNT(guards); i++)
        assert_true(guards[i] + 0x1000 <= r->address || guards[i] >= r->address + r->size);
    return 0;
}

static void guard_pages_stand_below_both_stacks(void **state)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    struct layout l;
    uint64_t need;
    assert_int_equal(compute(SIZE, 2, &l, &need), 0);
    assert_int_equal(layout_for_each(&l, &g_sample.image, &g_sample.plan, scratch, no_guard_is_added, &l), 0);
}

/* The records of specs/sgx-image.md §3, hashed in one piece. */
static void measurement_hashes_the_records_of_the_sdm(void **state)
{
    static uint8_t page[4096], stream[64 + 64 + 16 * 320 + 64];
    uint8_t want[32], got[32], *p = stream;
    struct measure m;

    for (size_t i = 0; i < 4096; i++)
        page[i] = (uint8_t)(i * 3);
    memcpy(p, "ECREATE", 8), store_le32(p + 8, 4), store_le64(p + 12, SIZE), p += 64;
    memcpy(p, "EADD\0\0\0", 8), store_le64(p + 8, 0x10000), store_le64(p + 16, 0x203), p += 64;
    for (uint64_t i = 0; i < 4096; i += 256, p += 320) {
        memcpy(p, "EEXTEND", 8), store_le64(p + 8, 0x10000 + i);
        memcpy(p + 64, page + i, 256);
    }
    memcpy(p, "EADD\0\0\0", 8), store_le64(p + 8, 0x11000), store_le64(p + 16, 0x100);
    sha256_digest(stream, sizeof(stream), want);

    measure_ecreate(&m, 4, SIZE);
    measure_page(&m, 0x10000, SECINFO_REG | SECINFO_R | SECINFO_W, page, true);
    measure_page(&m, 0x11000, SECINFO_TCS, page, false);
    measure_final(&m, got);
    assert_memory_equal(got, want, 32);
}

static void mrenclave_changes_with_any_byte_of_image_and_plan(void **state)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    static const size_t image_at[] = { 0x3ff, 0x1000, 0x2233, 0x2300, 0x34ff };
    uint8_t first[32], second[32];
    struct layout l;
    uint64_t need;

    assert_int_equal(compute(1 << 19, 1, &l, &need), 0);
    assert_int_equal(measure_layout(&l, &g_sample.image, &g_sample.plan, scratch, first), 0);
    for (size_t i = 0; i < ARRAY_COUNT(image_at); i++) {
        g_sample.image_bytes[image_at[i]] ^= 1;
        measure_layout(&l, &g_sample.image, &g_sample.plan, scratch, second);
        assert_memory_not_equal(first, second, 32);
        g_sample.image_bytes[image_at[i]] ^= 1;
    }
    g_sample.plan_bytes[SAMPLE_PLAN_SIZE - 1] ^= 1;
    measure_layout(&l, &g_sample.image, &g_sample.plan, scratch, second);
    assert_memory_not_equal(first, second, 32);
    g_sample.plan_bytes[SAMPLE_PLAN_SIZE - 1] ^= 1;
    measure_layout(&l, &g_sample.image, &g_sample.plan, scratch, second);
    assert_memory_equal(first, second, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_note_names_entry_and_enclu_sites),
        cmocka_unit_test(damaged_notes_are_refused),
        cmocka_unit_test(areas_stand_from_the_top_downwards),
        cmocka_unit_test(a_small_enclave_says_how_large_it_must_be),
        cmocka_unit_test(images_that_cannot_be_laid_out_are_refused),
        cmocka_unit_test(every_page_is_visited_once_in_ascending_order),
        cmocka_unit_test(a_tcs_points_into_its_own_thread_area),
        cmocka_unit_test(guard_pages_stand_below_both_stacks),
        cmocka_unit_test(measurement_hashes_the_records_of_the_sdm),
        cmocka_unit_test(mrenclave_changes_with_any_byte_of_image_and_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
