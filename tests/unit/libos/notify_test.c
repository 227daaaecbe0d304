/* Who watches what: objects by their numbers, the bits that anybody asks for, telling, and files that go. */
#include "libos/fs/notify.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/stat.h"
#include "libos/fs/host.h"
#include "libos/fs/notify_object.h"
#include "libos/fs/vfs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static bool no_memory;
static int unpinned[4], unpin_count, told, gone;
static uint32_t told_mask;

void *mem_zalloc(size_t size)
{
    return no_memory ? NULL : calloc(1, size);
}

void mem_free(void *p)
{
    free(p);
}

void host_unpin(int pin)
{
    unpinned[unpin_count++ % 4] = pin;
}

void mutex_lock_slow(struct mutex *m) {}

void mutex_unlock_slow(struct mutex *m) {}

static void on_event(struct notify_mark *m, const struct notify_event *e)
{
    told++;
    told_mask |= e->mask;
}

static void on_event_once(struct notify_mark *m, const struct notify_event *e)
{
    told++;
    notify_remove_locked(m);
}

static void on_gone(struct notify_mark *m)
{
    gone++;
}

static const struct notify_mark_ops ops = { .event = on_event, .gone = on_gone };
static const struct notify_mark_ops once_ops = { .event = on_event_once, .gone = on_gone };

static int renew(void **state)
{
    no_memory = false;
    unpin_count = told = gone = 0;
    told_mask = 0;
    return 0;
}

static struct notify_object *object(uint64_t ino, bool outside, int pin)
{
    struct notify_target t = { .key = { .dev = 7, .ino = ino, .outside = outside }, .pin = pin };
    struct notify_object *o = notify_object_locked(&t);
    notify_target_drop(&t); /* the object's, if it was new */
    return o;
}

static struct notify_mark mark(const struct notify_mark_ops *how, const void *owner, uint32_t mask)
{
    return (struct notify_mark){ .ops = how, .owner = owner, .mask = mask };
}

static void objects_are_known_by_all_of_their_key(void **state)
{
    struct notify_object *a = object(1, false, -1), *b = object(1, true, 40), *c = object(2, false, -1);
    assert_true(a && b && c && a != b && a != c && b != c);
    assert_ptr_equal(object(1, false, -1), a);
    assert_ptr_equal(notify_lookup_locked(&(struct notify_key){ 7, 1, true }), b);
    assert_null(notify_lookup_locked(&(struct notify_key){ 8, 1, true }));
    assert_int_equal(notify_key_of_locked(c).ino, 2);
    notify_object_check_locked(a);
    notify_object_check_locked(c);
    assert_int_equal(unpin_count, 0);
    notify_object_check_locked(b); /* nobody watches it: it goes, and its pin */
    assert_int_equal(unpin_count, 1);
    assert_int_equal(unpinned[0], 40);
    assert_null(notify_lookup_locked(&(struct notify_key){ 7, 1, true }));
    notify_object_check_locked(NULL);
}

static void a_second_pin_is_given_back(void **state)
{
    struct notify_object *o = object(3, true, 41);
    assert_ptr_equal(object(3, true, 42), o);
    assert_int_equal(unpin_count, 1);
    assert_int_equal(unpinned[0], 42);
    notify_object_check_locked(o);
    assert_int_equal(unpinned[1], 41);
    no_memory = true;
    assert_null(object(4, true, 43));
    assert_int_equal(unpinned[2], 43);
}

static void interest_is_what_any_mark_asks_for(void **state)
{
    struct notify_object *in = object(5, false, -1), *out = object(5, true, -1);
    struct notify_mark a = mark(&ops, "a", IN_MODIFY | IN_CREATE), b = mark(&ops, "b", IN_MODIFY), c = mark(&ops, "c", IN_ATTRIB);
    uint32_t generation = g_notify_generation;
    assert_false(notify_wanted(UINT32_MAX));
    notify_add_locked(in, &a);
    notify_add_locked(in, &b);
    notify_add_locked(out, &c);
    assert_true(g_notify_generation != generation);
    assert_int_equal(g_notify_interest, IN_MODIFY | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF);
    assert_int_equal(g_notify_sides[1], IN_ATTRIB | IN_DELETE_SELF);
    notify_set_mask_locked(&a, IN_OPEN);
    assert_int_equal(g_notify_sides[0], IN_MODIFY | IN_OPEN | IN_DELETE_SELF);
    notify_remove_locked(&b);
    assert_int_equal(g_notify_sides[0], IN_OPEN | IN_DELETE_SELF);
    notify_object_check_locked(in); /* a is there still */
    assert_ptr_equal(notify_find_locked(in, &ops, a.owner), &a);
    assert_null(notify_find_locked(in, &once_ops, a.owner));
    assert_null(notify_find_locked(in, &ops, b.owner));
    notify_remove_locked(&a);
    notify_remove_locked(&c);
    notify_object_check_locked(in);
    notify_object_check_locked(out);
    assert_int_equal(g_notify_interest, 0);
}

static void marks_hear_what_they_ask_for(void **state)
{
    struct notify_object *o = object(6, false, -1);
    struct notify_mark a = mark(&ops, "a", IN_MODIFY), once = mark(&once_ops, "once", IN_MODIFY | IN_ATTRIB), c = mark(&ops, "c", IN_ATTRIB);
    notify_add_locked(o, &a);
    notify_add_locked(o, &once);
    notify_add_locked(o, &c);
    notify_tell_locked(o, &(struct notify_event){ .mask = IN_ATTRIB | IN_ISDIR }); /* once removes itself, c is told all the same */
    assert_int_equal(told, 2);
    assert_int_equal(told_mask, IN_ATTRIB | IN_ISDIR);
    notify_tell_locked(o, &(struct notify_event){ .mask = IN_MODIFY });
    assert_int_equal(told, 3);
    notify_tell_locked(o, &(struct notify_event){ .mask = IN_ISDIR }); /* no event by itself */
    assert_int_equal(told, 3);
    notify_remove_locked(&a);
    notify_remove_locked(&c);
    notify_object_check_locked(o);
}

static void a_removed_file_takes_its_marks_along(void **state)
{
    struct notify_object *o = object(9, true, 44);
    struct notify_mark a = mark(&ops, "a", IN_DELETE_SELF), b = mark(&ops, "b", IN_MODIFY), once = mark(&once_ops, "once", IN_DELETE_SELF);
    notify_add_locked(o, &a);
    notify_add_locked(o, &b);
    notify_add_locked(o, &once);
    notify_gone_locked(o);
    assert_int_equal(told, 2);
    assert_int_equal(gone, 2); /* one had gone by itself */
    assert_int_equal(unpin_count, 1);
    assert_null(notify_lookup_locked(&(struct notify_key){ 7, 9, true }));
    assert_int_equal(g_notify_interest, 0);
}

static int stat_of(struct inode *inode, struct linux_stat *st)
{
    *st = (struct linux_stat){ .dev = 3, .ino = 4 };
    return inode->type ? 0 : -EIO;
}

static int identity_of(struct inode *inode, struct linux_stat *st, int *pin)
{
    *st = (struct linux_stat){ .dev = 5, .ino = 6 };
    if (pin)
        *pin = 45;
    return 0;
}

static void a_target_is_who_the_file_system_says(void **state)
{
    static const struct fs_ops inside = { .stat = stat_of }, host = { .stat = stat_of, .identify = identity_of, .whole_path = true };
    struct inode ours = { .ops = &inside, .type = S_IFREG }, broken = { .ops = &inside }, theirs = { .ops = &host, .type = S_IFREG };
    struct notify_target t;
    struct notify_key key;
    struct linux_stat st;
    assert_int_equal(notify_target(&ours, &t), 0);
    assert_true(t.key.dev == 3 && t.key.ino == 4 && !t.key.outside && t.pin == -1);
    assert_int_equal(notify_target(&broken, &t), -EIO);
    assert_int_equal(t.pin, -1);
    assert_int_equal(notify_target(&theirs, &t), 0);
    assert_true(t.key.dev == 5 && t.key.ino == 6 && t.key.outside && t.pin == 45);
    notify_target_drop(&t);
    notify_target_drop(&t);
    assert_int_equal(unpin_count, 1);
    assert_int_equal(notify_identify(&theirs, &st, &key), 0);
    assert_true(key.ino == 6 && key.outside);
    assert_int_equal(notify_identify(&broken, &st, &key), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(objects_are_known_by_all_of_their_key, renew),
        cmocka_unit_test_setup(a_second_pin_is_given_back, renew),
        cmocka_unit_test_setup(interest_is_what_any_mark_asks_for, renew),
        cmocka_unit_test_setup(marks_hear_what_they_ask_for, renew),
        cmocka_unit_test_setup(a_removed_file_takes_its_marks_along, renew),
        cmocka_unit_test_setup(a_target_is_who_the_file_system_says, renew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
