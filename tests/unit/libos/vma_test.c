/*
 * libos/mm against a model: random mmap, munmap, mprotect, madvise, mremap and brk on 256 pages,
 * after each of which every page must be mapped, protected, committed and filled as an array says.
 * In both kinds of machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef assert

#include "fake_machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

#define PAGES (FAKE_SIZE / PAGE_SIZE)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- what libos/mm needs of others */

void mm_report_oom(const char *call, uint64_t size) {}

int file_stat(struct file *f, struct linux_stat *st)
{
    return f->ops->stat ? f->ops->stat(f, st) : -EBADF;
}

int file_allocate(struct file *f, int mode, uint64_t offset, uint64_t size)
{
    return f->ops->allocate(f, mode, offset, size);
}

void file_put(struct file *f)
{
    if (f && ref_put(&f->refs))
        f->ops->release(f);
}

static uint8_t g_content[5 * 4096 + 100];
static uint64_t g_content_size = sizeof(g_content);
static unsigned g_released;

static int64_t read_pages(struct file *f, uint64_t offset, void *dst, uint64_t size)
{
    if (offset >= g_content_size)
        return 0;
    size = MIN(size, g_content_size - offset);
    memcpy(dst, g_content + offset, size);
    return (int64_t)size;
}

static unsigned g_writes;

static int64_t write_pages(struct file *f, uint64_t offset, const void *src, uint64_t size)
{
    g_writes++;
    memcpy(g_content + offset, src, size);
    return (int64_t)size;
}

static int map_op(struct file *f, struct vma *v)
{
    v->source = (struct vma_source){ .host_fd = -1,
                                     .read_pages = read_pages,
                                     .write_pages = write_pages };
    return 0;
}

static void release_op(struct file *f)
{
    g_released++;
}

static const struct file_ops test_ops = { .kind = "test", .map = map_op, .release = release_op };

static struct file test_file(uint32_t flags)
{
    for (size_t i = 0; i < sizeof(g_content); i++)
        g_content[i] = (uint8_t)(i / 64 + 1);
    g_content_size = sizeof(g_content);
    g_released = g_writes = 0;
    return (struct file){ .ops = &test_ops, .refs = 1, .flags = flags };
}

/* ---- the model */

struct page {
    bool mapped;
    uint32_t prot;
    uint8_t fill; /* first byte of the page */
};

static struct page g_model[PAGES];

static uint64_t at(uint64_t page)
{
    return FAKE_LOW + page * PAGE_SIZE;
}

static void check_model(struct mm *mm)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        struct vma v;
        bool found = mm_find(mm, at(i), &v);
        assert_int_equal(found, g_model[i].mapped);
        if (!found)
            continue;
        assert_int_equal(v.prot, g_model[i].prot);
        assert_true(v.committed == fake_page_committed(at(i)));
        if (v.committed)
            assert_int_equal(fake_page_prot(at(i)), g_model[i].prot);
        if (g_model[i].prot & PROT_READ)
            assert_int_equal(*(uint8_t *)at(i), g_model[i].fill);
    }
}

static uint32_t random_prot(void)
{
    static const uint32_t prots[] = { PROT_NONE, PROT_READ, RW, RW };
    return prots[rand() % 4];
}

static void one_map(struct mm *mm, uint64_t first, uint64_t count)
{
    uint32_t prot = random_prot(), flags = ANON | (rand() % 2 ? MAP_FIXED : MAP_FIXED_NOREPLACE);
    bool busy = false;
    for (uint64_t i = first; i < first + count; i++)
        busy |= g_model[i].mapped;
    int64_t r = mm_map(mm, at(first), count * PAGE_SIZE, prot, flags, NULL, 0);
    if (busy && (flags & MAP_FIXED_NOREPLACE)) {
        assert_int_equal(r, -EEXIST);
        return;
    }
    assert_true((uint64_t)r == at(first));
    for (uint64_t i = first; i < first + count; i++)
        g_model[i] = (struct page){ true, prot, 0 };
}

static void one_protect(struct mm *mm, uint64_t first, uint64_t count)
{
    uint32_t prot = random_prot();
    uint64_t i = first;
    int r = mm_protect(mm, at(first), count * PAGE_SIZE, prot);
    for (; i < first + count && g_model[i].mapped; i++)
        g_model[i].prot = prot;
    assert_int_equal(r, i < first + count ? -ENOMEM : 0);
}

static void one_remap(struct mm *mm, uint64_t first, uint64_t count)
{
    uint64_t grown = 1 + (uint64_t)rand() % (2 * count);
    struct vma v;
    bool whole = mm_find(mm, at(first), &v) && v.end >= at(first + count);
    int64_t r = mm_remap(mm, at(first), count * PAGE_SIZE, grown * PAGE_SIZE, MREMAP_MAYMOVE, 0);
    if (r < 0) {
        assert_true(!g_model[first].mapped || !whole || r == -ENOMEM);
        return;
    }
    uint64_t to = ((uint64_t)r - FAKE_LOW) / PAGE_SIZE;
    struct page moved[2 * PAGES];
    for (uint64_t i = 0; i < grown; i++)
        moved[i] = i < count ? g_model[first + i] : (struct page){ true, v.prot, 0 };
    for (uint64_t i = first; i < first + count; i++)
        g_model[i] = (struct page){ 0 };
    memcpy(g_model + to, moved, grown * sizeof(moved[0]));
}

static void one_step(struct mm *mm)
{
    uint64_t first = (uint64_t)rand() % (PAGES - 1),
             count = 1 + (uint64_t)rand() % MIN(PAGES - first, 24);
    switch (rand() % 7) {
    case 0:
    case 1: one_map(mm, first, count); return;
    case 2:
        assert_int_equal(mm_unmap(mm, at(first), count * PAGE_SIZE), 0);
        memset(g_model + first, 0, count * sizeof(g_model[0]));
        return;
    case 3: one_protect(mm, first, count); return;
    case 4:
        for (uint64_t i = first; i < first + count; i++)
            if (g_model[i].mapped && (g_model[i].prot & PROT_WRITE))
                *(uint8_t *)at(i) = g_model[i].fill = (uint8_t)rand();
        return;
    case 5:
        (void)mm_advise(mm, at(first), count * PAGE_SIZE, MADV_DONTNEED);
        for (uint64_t i = first; i < first + count; i++)
            g_model[i].fill = 0;
        return;
    case 6: one_remap(mm, first, count); return;
    }
}

static void random_operations(bool is_enclave)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        srand(seed);
        fake_machine_init(is_enclave);
        memset(g_model, 0, sizeof(g_model));
        struct mm *mm = mm_new();
        for (int i = 0; i < 400; i++) {
            one_step(mm);
            check_model(mm);
        }
        mm_put(mm);
        assert_int_equal(fake_pages_taken(), 0);
        assert_int_equal(fake_pages_committed(), 0);
    }
}

static void random_operations_match_the_model_in_direct(void **state)
{
    random_operations(false);
}

static void random_operations_match_the_model_in_an_enclave(void **state)
{
    random_operations(true);
}

static unsigned count_vmas(struct mm *mm)
{
    unsigned n = 0;
    rb_for_each (it, &mm->tree)
        n++;
    return n;
}

static void neighbours_with_equal_rights_become_one_mapping(void **state)
{
    fake_machine_init(true);
    struct mm *mm = mm_new();
    for (uint64_t i = 0; i < 8; i++)
        assert_true(mm_map(mm, at(i), PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) > 0);
    assert_int_equal(count_vmas(mm), 1);
    assert_int_equal(mm_protect(mm, at(3), PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(count_vmas(mm), 3);
    assert_int_equal(mm_protect(mm, at(3), PAGE_SIZE, RW), 0);
    assert_int_equal(count_vmas(mm), 1);
    mm_put(mm);
}

static void a_reservation_commits_nothing_in_an_enclave(void **state)
{
    fake_machine_init(true);
    struct mm *mm = mm_new();
    int64_t a = mm_map(mm, 0, 64 * PAGE_SIZE, PROT_NONE, ANON | MAP_NORESERVE, NULL, 0);
    assert_true(a > 0);
    assert_int_equal(fake_pages_committed(), 0);
    assert_int_equal(mm_protect(mm, (uint64_t)a + 4 * PAGE_SIZE, 2 * PAGE_SIZE, RW), 0);
    assert_int_equal(fake_pages_committed(), 2);
    mm_put(mm);
}

static void pages_past_the_end_of_a_file_have_no_memory(void **state)
{
    fake_machine_init(true);
    struct file f = test_file(0);
    struct mm *mm = mm_new();
    uint64_t a = (uint64_t)mm_map(mm, 0, 10 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &f, 0);
    struct vma v;
    assert_int_equal(fake_pages_committed(), 6);
    assert_memory_equal((void *)a, g_content, sizeof(g_content));
    assert_true(bytes_are_zero((void *)(a + sizeof(g_content)), 6 * PAGE_SIZE - sizeof(g_content)));
    assert_true(mm_find(mm, a + 6 * PAGE_SIZE, &v) && !v.committed && v.prot == PROT_READ);
    assert_int_equal(mm_unmap(mm, a, 10 * PAGE_SIZE), 0);
    assert_int_equal(f.refs, 1);
    mm_put(mm);
}

static void segments_over_a_whole_library_keep_its_content(void **state)
{
    fake_machine_init(true);
    struct file f = test_file(0);
    struct mm *mm = mm_new();
    uint64_t a = (uint64_t)mm_map(mm, 0, 5 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &f, 0);
    assert_true((uint64_t)mm_map(mm, a + PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ | PROT_EXEC,
                                 MAP_PRIVATE | MAP_FIXED, &f, PAGE_SIZE) == a + PAGE_SIZE);
    assert_true((uint64_t)mm_map(mm, a + 3 * PAGE_SIZE, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, &f,
                                 2 * PAGE_SIZE) == a + 3 * PAGE_SIZE);
    assert_memory_equal((void *)(a + PAGE_SIZE), g_content + PAGE_SIZE, 2 * PAGE_SIZE);
    assert_memory_equal((void *)(a + 3 * PAGE_SIZE), g_content + 2 * PAGE_SIZE, PAGE_SIZE);
    *(uint8_t *)(a + 3 * PAGE_SIZE) = 99;
    assert_int_equal(mm_advise(mm, a + 3 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
    assert_memory_equal((void *)(a + 3 * PAGE_SIZE), g_content + 2 * PAGE_SIZE, PAGE_SIZE);
    mm_put(mm);
    assert_int_equal(f.refs, 1);
}

static void shared_changes_are_written_back_and_nothing_else(void **state)
{
    fake_machine_init(true);
    struct file f = test_file(2);
    struct mm *mm = mm_new();
    uint64_t a = (uint64_t)mm_map(mm, 0, 6 * PAGE_SIZE, RW, MAP_SHARED, &f, 0);
    *(uint8_t *)(a + 2 * PAGE_SIZE) = 200;
    *(uint8_t *)(a + 5 * PAGE_SIZE + 500) = 201; /* past the end of the file */
    assert_int_equal(mm_sync(mm, a, 6 * PAGE_SIZE, MS_SYNC), 0);
    assert_int_equal(g_content[2 * PAGE_SIZE], 200);
    assert_int_equal(g_writes, 1);
    *(uint8_t *)a = 7;
    assert_int_equal(mm_unmap(mm, a, PAGE_SIZE), 0);
    assert_int_equal(g_content[0], 7);
    mm_put(mm);
}

static void mmap_refuses_as_linux_does(void **state)
{
    fake_machine_init(true);
    struct file readable = test_file(0), writable = test_file(1);
    struct mm *mm = mm_new();
    assert_int_equal(mm_map(mm, 0, 0, RW, ANON, NULL, 0), -EINVAL);
    assert_int_equal(mm_map(mm, 0, UINT64_MAX, RW, ANON, NULL, 0), -ENOMEM);
    assert_int_equal(mm_map(mm, 0, PAGE_SIZE, RW, MAP_ANONYMOUS, NULL, 0), -EINVAL);
    assert_int_equal(mm_map(mm, at(1) + 1, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0), -EINVAL);
    assert_int_equal(mm_map(mm, at(PAGES), PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0), -ENOMEM);
    assert_int_equal(mm_map(mm, 0, PAGE_SIZE, RW, ANON | MAP_HUGETLB, NULL, 0), -ENOMEM);
    assert_int_equal(mm_map(mm, 0, PAGE_SIZE, RW, MAP_SHARED, &readable, 0), -EACCES);
    assert_int_equal(mm_map(mm, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, &writable, 0), -EACCES);
    assert_int_equal(
        mm_map(mm, 0, PAGE_SIZE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, &readable, 0),
        -EOPNOTSUPP);
    assert_int_equal(
        mm_map(mm, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, &readable, UINT64_MAX & ~(PAGE_SIZE - 1)),
        -EOVERFLOW);
    assert_int_equal(mm_unmap(mm, at(0), 0), -EINVAL);
    assert_int_equal(mm_protect(mm, at(0), PAGE_SIZE, RW), -ENOMEM);
    assert_int_equal(mm_remap(mm, at(0), PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
    assert_int_equal(mm_sync(mm, at(0), PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
    mm_put(mm);
}

static void brk_moves_within_its_reservation(void **state)
{
    fake_machine_init(true);
    struct mm *mm = mm_new();
    mm_set_brk(mm, at(10));
    assert_true(mm_brk(mm, 0) == at(10));
    assert_true(mm_brk(mm, at(12) + 5) == at(12) + 5);
    assert_int_equal(fake_pages_committed(), 3);
    *(uint8_t *)(at(12) + 4) = 1;
    assert_true(mm_brk(mm, at(11)) == at(11));
    assert_int_equal(fake_pages_committed(), 1);
    assert_true(mm_brk(mm, at(13)) == at(13));
    assert_int_equal(*(uint8_t *)(at(12) + 4), 0);
    assert_true(mm_brk(mm, at(10 + 17)) == at(13));
    assert_int_equal(mm_map(mm, at(14), PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0), (int64_t)at(14));
    assert_true(mm_brk(mm, at(16)) == at(13));
    mm_put(mm);
    assert_int_equal(fake_pages_taken(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_match_the_model_in_direct),
        cmocka_unit_test(random_operations_match_the_model_in_an_enclave),
        cmocka_unit_test(neighbours_with_equal_rights_become_one_mapping),
        cmocka_unit_test(a_reservation_commits_nothing_in_an_enclave),
        cmocka_unit_test(pages_past_the_end_of_a_file_have_no_memory),
        cmocka_unit_test(segments_over_a_whole_library_keep_its_content),
        cmocka_unit_test(shared_changes_are_written_back_and_nothing_else),
        cmocka_unit_test(mmap_refuses_as_linux_does),
        cmocka_unit_test(brk_moves_within_its_reservation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
