/* The expansion rules of specs/manifest.md §3.6 on a temporary tree. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/verity/verity.h"
#include "manifest/expand.h"

#define ENTRY "libos.entrypoint = \"/x\"\n"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char g_dir[] = "/tmp/cloister-expand-XXXXXX";

static void put(const char *path, size_t size)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++)
        fputc((int)(i * 7 % 251), f);
    fclose(f);
}

static int set_up(void **state)
{
    assert_non_null(mkdtemp(g_dir));
    assert_int_equal(chdir(g_dir), 0);
    setenv("XDG_CACHE_HOME", g_dir, 1);
    mkdir("d", 0755);
    mkdir("d/b", 0755);
    mkdir("d/B", 0755);
    mkdir("root", 0755);
    mkdir("root/etc", 0755);
    put("d/a", 0);
    put("d/b/x", 5000);
    put("d/B/y", 4096);
    put("d/z", 1000000);
    put("outside", 3);
    put("root/etc/real", 4);
    assert_int_equal(symlink("b", "d/link-to-dir"), 0);
    assert_int_equal(symlink("../outside", "d/link-to-file"), 0);
    assert_int_equal(symlink("nowhere", "d/dangling"), 0);
    assert_int_equal(symlink("/etc/real", "root/etc/alias"), 0);
    assert_int_equal(symlink("loop", "root/etc/loop"), 0);
    return mkfifo("d/fifo", 0644);
}

static int tear_down(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", g_dir);
    return chdir("/") || system(command);
}

struct result {
    struct manifest *m;
    uint8_t *trees;
    size_t trees_size;
    struct problem why;
    int ret;
};

static struct result expand(const char *trusted, const char *chroot_dir, bool no_cache)
{
    struct result r = { 0 };
    struct expand_options options = { .chroot = chroot_dir, .no_cache = no_cache };
    char text[1024];
    snprintf(text, sizeof(text), ENTRY "sgx.trusted_files = [%s]\n", trusted);
    if (manifest_parse("m", text, strlen(text), &r.m, &r.why))
        fail_msg("%s", r.why.text);
    r.ret = manifest_expand(r.m, &options, &r.trees, &r.trees_size, &r.why);
    return r;
}

static void done(struct result *r)
{
    manifest_free(r->m);
    free(r->trees);
}

static void assert_uris(const struct result *r, const char *const *uris)
{
    size_t i = 0;
    if (r->ret)
        fail_msg("%s", r->why.text);
    for (; uris[i]; i++) {
        assert_true(i < r->m->trusted_count);
        assert_string_equal(r->m->trusted[i].uri, uris[i]);
    }
    assert_int_equal(r->m->trusted_count, i);
}

static void a_directory_becomes_its_files_in_byte_order(void **state)
{
    struct result r = expand("\"file:d/\"", NULL, true);
    assert_uris(&r, (const char *const[]){ "file:d/B/y", "file:d/a", "file:d/b/x", "file:d/link-to-file", "file:d/z", NULL });
    done(&r);
}

static void digests_are_right_and_trees_check(void **state)
{
    struct result r = expand("\"file:d/a\", \"file:d/z\"", NULL, true);
    assert_int_equal(r.ret, 0);
    assert_int_equal(r.m->trusted[1].size, 1000000);
    assert_int_equal(r.trees_size, verity_tree_size(1000000));
    uint64_t bitmap[64] = { 0 };
    struct verity_file v;
    assert_true(verity_bitmap_size(1000000) <= sizeof(bitmap));
    assert_int_equal(verity_file_init(&v, 1000000, r.m->trusted[1].root, r.trees + r.m->trusted[1].tree_offset, bitmap), 0);
    uint8_t block[4096];
    int fd = open("d/z", O_RDONLY);
    assert_int_equal(pread(fd, block, 4096, 8192), 4096);
    close(fd);
    assert_int_equal(verity_check(&v, 2, block, 4096), 0);
    block[5] ^= 1;
    assert_int_equal(verity_check(&v, 2, block, 4096), -EBADMSG);
    done(&r);
}

static void the_first_of_two_equal_uris_stays(void **state)
{
    struct result r = expand("\"file:outside\", \"file:d/a\", \"file:outside\", {uri=\"file:d/a\", sha256=\"" EMPTY "\"}", NULL, true);
    assert_uris(&r, (const char *const[]){ "file:outside", "file:d/a", NULL });
    done(&r);
}

static void expanding_twice_changes_nothing(void **state)
{
    struct result r = expand("\"file:d/\"", NULL, true);
    struct expand_options options = { .no_cache = true };
    struct manifest *again;
    struct problem why;
    char *once, *twice;
    size_t size;
    uint8_t *trees;
    assert_int_equal(manifest_write(r.m, &once, &size, &why), 0);
    assert_int_equal(manifest_parse("m", once, size, &again, &why), 0);
    assert_int_equal(manifest_expand(again, &options, &trees, &size, &why), 0);
    assert_int_equal(size, r.trees_size);
    assert_memory_equal(trees, r.trees, size);
    assert_int_equal(manifest_write(again, &twice, &size, &why), 0);
    assert_string_equal(once, twice);
    manifest_free(again);
    free(trees);
    free(once);
    free(twice);
    done(&r);
}

static void what_cannot_be_trusted_is_named(void **state)
{
    static const struct { const char *trusted, *error; } cases[] = {
        { "\"file:none\"", "m:2:22: sgx.trusted_files: none: No such file or directory" },
        { "\"file:none/\"", "m:2:22: sgx.trusted_files: none/: No such file or directory" },
        { "\"file:d\"", "m: sgx.trusted_files: d: is a directory: end its URI with \"/\" to trust all files below it" },
        { "\"file:outside/\"", NULL },
        { "\"file:\"", "m:2:22: sgx.trusted_files: \"file:\" names no file" },
        { "\"file:d/fifo\"", "m: sgx.trusted_files: d/fifo: not a regular file" },
        { "{uri=\"file:outside\", sha256=\"" EMPTY "\"}", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct result r = expand(cases[i].trusted, NULL, true);
        assert_true(r.ret < 0);
        if (cases[i].error)
            assert_string_equal(r.why.text, cases[i].error);
        done(&r);
    }
}

static void a_missing_file_with_a_digest_is_kept_as_it_is(void **state)
{
    struct result r = expand("{uri=\"file:none\", sha256=\"" EMPTY "\"}", NULL, true);
    assert_uris(&r, (const char *const[]){ "file:none", NULL });
    assert_int_equal(r.m->trusted[0].flags, PLAN_TRUSTED_SHA256);
    done(&r);
}

static void chroot_resolves_links_inside_and_hides_the_directory(void **state)
{
    struct result r = expand("\"file:/etc/\"", "root", true);
    assert_uris(&r, (const char *const[]){ "file:/etc/alias", "file:/etc/real", NULL });
    assert_memory_equal(r.m->trusted[0].sha256, r.m->trusted[1].sha256, 32);
    done(&r);
    r = expand("\"file:/etc/loop\"", "root", true);
    assert_int_equal(r.ret < 0 ? 1 : 0, 1);
    assert_non_null(strstr(r.why.text, "Too many levels of symbolic links"));
    done(&r);
    r = expand("\"file:etc/real\"", "root", true);
    assert_int_equal(r.ret, -EINVAL);
    done(&r);
}

static void the_cache_gives_the_same_and_notices_changes(void **state)
{
    struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    put("cached", 9000);
    utimensat(AT_FDCWD, "cached", old, 0);
    sleep(4); /* ctime must lie back far enough to prove that nothing changed */
    struct result a = expand("\"file:cached\"", NULL, false), b = expand("\"file:cached\"", NULL, false);
    assert_int_equal(access("cloister/digests", F_OK), 0);
    assert_memory_equal(a.m->trusted[0].root, b.m->trusted[0].root, 32);
    assert_int_equal(a.trees_size, b.trees_size);
    assert_memory_equal(a.trees, b.trees, a.trees_size);
    int fd = open("cached", O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    utimensat(AT_FDCWD, "cached", old, 0); /* size, inode and mtime as before */
    struct result c = expand("\"file:cached\"", NULL, false);
    assert_memory_not_equal(a.m->trusted[0].root, c.m->trusted[0].root, 32);
    done(&a);
    done(&b);
    done(&c);
}

static void a_damaged_cache_is_ignored(void **state)
{
    static const char *const damage[] = { "", "x", "CLODIG1", "CLODIG1\0\xff\xff\xff\xff\xff\xff\xff\x7f" };
    for (size_t i = 0; i < 4; i++) {
        FILE *f = fopen("cloister/digests", "w");
        fwrite(damage[i], 1, i == 3 ? 16 : strlen(damage[i]), f);
        fclose(f);
        struct result r = expand("\"file:d/\"", NULL, false);
        assert_int_equal(r.ret, 0);
        done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_becomes_its_files_in_byte_order),
        cmocka_unit_test(digests_are_right_and_trees_check),
        cmocka_unit_test(the_first_of_two_equal_uris_stays),
        cmocka_unit_test(expanding_twice_changes_nothing),
        cmocka_unit_test(what_cannot_be_trusted_is_named),
        cmocka_unit_test(a_missing_file_with_a_digest_is_kept_as_it_is),
        cmocka_unit_test(chroot_resolves_links_inside_and_hides_the_directory),
        cmocka_unit_test(the_cache_gives_the_same_and_notices_changes),
        cmocka_unit_test(a_damaged_cache_is_ignored),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
