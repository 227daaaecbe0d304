/* Descriptor tables: numbers, references, and look-ups that race with closing. */
#include "enclave/heap.h"
#include "lib/linux/errno.h"
#include "libos/fs/dnotify.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/locks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h> /* after lib/linux/time.h, whose names it makes macros */

static uint32_t freed; /* atomic */
static const struct file_ops ops;

void *mem_zalloc(size_t size)
{
    return calloc(1, size);
}

void mem_free(void *p)
{
    free(p);
}

void mutex_lock_slow(struct mutex *m)
{
    while (!mutex_trylock(m))
        ;
}

void mutex_unlock_slow(struct mutex *m) {}

void locks_close(struct fdtable *t, struct file *f) {}

void dnotify_forget(struct fdtable *t, struct file *f) {}

void file_put(struct file *f)
{
    if (f && ref_put(&f->refs)) {
        __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
        free(f);
    }
}

static struct file *new_file(void)
{
    struct file *f = calloc(1, sizeof(*f));
    f->ops = &ops;
    f->refs = 1;
    return f;
}

static void lowest_free_number_is_taken(void **state)
{
    struct fdtable *t = fdtable_new(300);
    for (int i = 0; i < 200; i++)
        assert_int_equal(fd_install(t, new_file(), 0, false), i);
    assert_int_equal(fd_close(t, 7), 0);
    assert_int_equal(fd_close(t, 150), 0);
    assert_int_equal(fd_close(t, 7), -EBADF);
    assert_int_equal(fd_install(t, new_file(), 100, true), 150);
    assert_int_equal(fd_install(t, new_file(), 0, false), 7);
    assert_int_equal(fd_get_cloexec(t, 150), 1);
    fd_close_on_exec(t);
    assert_null(fd_lookup(t, 150));
    assert_int_equal(fd_next(t, 150), 151);
    fdtable_put(t);
}

static void each_number_has_an_entry_of_its_own(void **state)
{
    enum { COUNT = 1000 };
    static struct file *files[COUNT];
    struct fdtable *t = fdtable_new(COUNT);
    for (int i = 0; i < COUNT; i++) {
        files[i] = new_file();
        assert_int_equal(fd_install(t, files[i], 0, i % 3 == 0), i);
    }
    for (int i = 0; i < COUNT; i++) {
        struct file *f = fd_lookup(t, i);
        assert_ptr_equal(f, files[i]);
        file_put(f);
        assert_int_equal(fd_get_cloexec(t, i), i % 3 == 0);
    }
    fdtable_put(t);
}

static void limit_is_emfile_and_above_it_ebadf(void **state)
{
    struct fdtable *t = fdtable_new(2);
    struct file *f = new_file();
    assert_int_equal(fd_install(t, new_file(), 0, false), 0);
    assert_int_equal(fd_install(t, new_file(), 0, false), 1);
    assert_int_equal(fd_install(t, f, 0, false), -EMFILE);
    assert_int_equal(fd_install_at(t, f, 2, false), -EBADF);
    file_put(f);
    assert_null(fd_lookup(t, -1));
    fdtable_put(t);
}

static void references_are_exact_after_many_lookups(void **state)
{
    uint32_t before = freed;
    struct fdtable *t = fdtable_new(10);
    int fd = fd_install(t, new_file(), 0, false);
    for (int i = 0; i < 100000; i++)
        file_put(fd_lookup(t, fd));
    struct file *held = fd_lookup(t, fd);
    struct fdtable *copy = fdtable_clone(t);
    fdtable_put(t);
    fdtable_put(copy);
    assert_int_equal(freed, before);
    assert_int_equal(held->refs, 1);
    file_put(held);
    assert_int_equal(freed, before + 1);
}

static void *look_up_much(void *arg)
{
    for (int i = 0; i < 200000; i++)
        file_put(fd_lookup(arg, i & 3));
    return NULL;
}

static void lookups_race_with_closing_and_nothing_leaks(void **state)
{
    pthread_t threads[3];
    uint32_t before = freed, made = 0;
    struct fdtable *t = fdtable_new(10);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, look_up_much, t);
    for (int i = 0; i < 20000; i++) {
        assert_true(fd_install_at(t, new_file(), i & 3, false) >= 0);
        made++;
        if (i % 3 == 0)
            fd_close(t, i & 3);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    fdtable_put(t);
    assert_int_equal(freed - before, made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lowest_free_number_is_taken),
        cmocka_unit_test(each_number_has_an_entry_of_its_own),
        cmocka_unit_test(limit_is_emfile_and_above_it_ebadf),
        cmocka_unit_test(references_are_exact_after_many_lookups),
        cmocka_unit_test(lookups_race_with_closing_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
