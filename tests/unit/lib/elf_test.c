/* lib/elf against this machine's programs, this test itself, and headers damaged one field at a time. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/elf/elf.h"
#include "lib/linux/errno.h"

static uint8_t *read_file(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st)) {
        *size = 0;
        return NULL;
    }
    uint8_t *p = malloc((size_t)st.st_size);
    *size = (size_t)read(fd, p, (size_t)st.st_size);
    close(fd);
    return p;
}

static void programs_of_this_machine_open(void **state)
{
    static const char *const paths[] = { "/proc/self/exe", "/bin/sh", "/usr/bin/python3", "/usr/bin/git",
                                         "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6",
                                         "/usr/lib/go-1.19/bin/go" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        size_t size;
        uint8_t *p = read_file(paths[i], &size);
        struct elf_image image;
        if (!p)
            continue;
        assert_int_equal(elf_open(p, size, size, &image), 0);
        assert_true(image.high > image.low);
        assert_int_equal(elf_open(p, size < 4096 ? size : 4096, size, &image), 0);
        free(p);
    }
}

#define FILE_SIZE 0x3000

/* A file with two PT_LOADs and a PT_NOTE, all of it right. */
static void build(uint8_t *f)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    static const uint64_t loads[3][7] = {
        /* type | flags << 32, offset, vaddr, paddr, filesz, memsz, align */
        { 1 | 5ull << 32, 0, 0, 0, 0x1800, 0x1800, 0x1000 },
        { 1 | 6ull << 32, 0x1800, 0x2800, 0, 0x800, 0x2800, 0x1000 },
        { 4 | 4ull << 32, 0x200, 0x200, 0, 0x20, 0x20, 4 },
    };
    memset(f, 0, FILE_SIZE);
    memcpy(f, ident, 16);
    f[16] = 3, f[18] = 62, f[20] = 1;
    f[24] = 0x40, f[25] = 1;
    f[32] = 64;
    f[52] = 64, f[54] = 56, f[56] = 3;
    memcpy(f + 64, loads, sizeof(loads));
}

static int open_with(size_t offset, uint64_t value, size_t width)
{
    static uint8_t f[FILE_SIZE];
    struct elf_image image;
    build(f);
    memcpy(f + offset, &value, width);
    return elf_open(f, FILE_SIZE, FILE_SIZE, &image);
}

#define PH(i, field) (64 + 56 * (i) + (field))

static void headers_are_decoded(void **state)
{
    static uint8_t f[FILE_SIZE];
    struct elf_image image;
    build(f);
    assert_int_equal(elf_open(f, FILE_SIZE, FILE_SIZE, &image), 0);
    assert_int_equal(image.type, ELF_ET_DYN);
    assert_int_equal(image.entry, 0x140);
    assert_int_equal(image.count, 3);
    assert_int_equal(image.low, 0);
    assert_int_equal(image.high, 0x5000);
    assert_int_equal(image.segments[1].flags, ELF_PF_R | ELF_PF_W);
    assert_int_equal(image.segments[1].memsz, 0x2800);
    assert_int_equal(image.segments[2].type, ELF_PT_NOTE);
}

static void each_damaged_field_is_refused(void **state)
{
    static const struct {
        size_t offset, width;
        uint64_t value;
    } bad[] = {
        { 0, 1, 'E' }, { 4, 1, 1 }, { 5, 1, 2 }, { 6, 1, 0 }, { 16, 2, 1 }, { 16, 2, 4 }, { 18, 2, 3 },
        { 20, 4, 2 }, { 54, 2, 57 }, { 56, 2, 0 }, { 56, 2, 65 }, { 56, 2, 0xffff },
        { 32, 8, FILE_SIZE - 100 }, { 32, 8, UINT64_MAX - 10 },
        { PH(0, 40), 8, 0x17ff },                        /* memsz below filesz */
        { PH(1, 8), 8, 0x2900 }, { PH(1, 8), 8, UINT64_MAX - 0x7ff }, /* beyond the file */
        { PH(1, 32), 8, 0x1801 }, { PH(1, 32), 8, UINT64_MAX },
        { PH(1, 16), 8, 0x2801 },                        /* not congruent */
        { PH(1, 16), 8, 0x800 },                         /* overlaps the first */
        { PH(0, 16), 8, 0x10000 },                       /* not ascending */
        { PH(1, 16), 8, UINT64_MAX - 0x7ff },            /* wraps */
        { PH(1, 16), 8, (1ull << 47) - 0x800 },          /* leaves the user half */
        { PH(1, 40), 8, UINT64_MAX - 0x2800 },
        { PH(2, 8), 8, FILE_SIZE - 0x1f },               /* note beyond the file */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(open_with(bad[i].offset, bad[i].value, bad[i].width), -ENOEXEC);
    assert_int_equal(open_with(64, 0, 4), 0); /* one PT_LOAD is enough */
}

static void truncation_anywhere_in_the_headers_is_refused(void **state)
{
    static uint8_t f[FILE_SIZE];
    struct elf_image image;
    build(f);
    for (size_t n = 0; n < 64 + 3 * 56; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* ASan sees a read beyond it */
        memcpy(exact, f, n);
        assert_int_equal(elf_open(exact, n, FILE_SIZE, &image), -ENOEXEC);
        assert_int_equal(elf_open(f, FILE_SIZE, n, &image), -ENOEXEC);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_of_this_machine_open),
        cmocka_unit_test(headers_are_decoded),
        cmocka_unit_test(each_damaged_field_is_refused),
        cmocka_unit_test(truncation_anywhere_in_the_headers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
