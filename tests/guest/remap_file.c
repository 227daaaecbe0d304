/*
 * remap_file_pages(2): the pages of a shared mapping show other pages of their file. Where one page would stand at two
 * addresses (memfd and anonymous memory in Cloister) the call may be refused, and then nothing has changed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

enum { PAGES = 6 };

static char *map(int fd, int prot, int flags)
{
    char *p = mmap(NULL, PAGES * PAGE, prot, flags, fd, 0);
    NEED(p != MAP_FAILED);
    return p;
}

/* Each page begins with its number. */
static int numbered(int fd)
{
    NEED(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
    for (int i = 0; i < PAGES; i++)
        NEED(pwrite(fd, &(char){ (char)('0' + i) }, 1, i * (long)PAGE) == 1);
    return fd;
}

static int shows(const char *p, const char *order)
{
    for (int i = 0; i < PAGES; i++)
        if (p[i * PAGE] != order[i])
            return 0;
    return 1;
}

static void pages_show_other_pages_of_the_file(int fd)
{
    char c, *p = map(fd, RW, MAP_SHARED);
    CHECK_EQ(remap_file_pages(p, PAGE, 0, 5, 0), 0);
    CHECK_EQ(remap_file_pages(p + 4 * PAGE, 2 * PAGE, 0, 1, MAP_NONBLOCK), 0);
    CHECK(shows(p, "512312"));
    CHECK_EQ(remap_file_pages(p + PAGE + 1, PAGE + 7, 0, 4, 0xffff), 0); /* rounded down; flags are not looked at */
    CHECK(shows(p, "542312"));
    CHECK_EQ(remap_file_pages(p + 2 * PAGE, PAGE, 0, 2, 0), 0); /* what it shows already */
    p[PAGE] = 'x'; /* page 4 */
    CHECK_EQ(remap_file_pages(p + PAGE, PAGE, 0, 3, 0), 0); /* what was written is in the file */
    CHECK(shows(p, "532312") && pread(fd, &c, 1, 4 * PAGE) == 1 && c == 'x');
    p[0] = 'y';
    CHECK(munmap(p, PAGES * PAGE) == 0 && pread(fd, &c, 1, 5 * PAGE) == 1 && c == 'y');
}

static void protection_stays(const char *name)
{
    int fd = open(name, O_RDWR);
    char *p = map(fd, PROT_READ, MAP_SHARED);
    CHECK_EQ(remap_file_pages(p, PAGE, 0, 3, 0), 0);
    CHECK(p[0] == '3' && p[PAGE] == '1');
    int null[2];
    NEED(pipe(null) == 0 && write(null[1], "z", 1) == 1);
    CHECK_ERRNO(read(null[0], p, 1), EFAULT); /* still read-only */
    close(null[0]), close(null[1]), close(fd);
    CHECK_EQ(munmap(p, PAGES * PAGE), 0);
}

static void what_is_refused(const char *name, int fd)
{
    char *p = map(fd, RW, MAP_SHARED), *private = map(fd, RW, MAP_PRIVATE);
    int reader = open(name, O_RDONLY);
    char *unwritable = map(reader, PROT_READ, MAP_SHARED);
    CHECK_ERRNO(remap_file_pages(p, PAGE, PROT_READ, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, 0, 0, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, PAGE - 1, 0, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, -PAGE, 0, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, PAGE, 0, SIZE_MAX, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, PAGE, 0, SIZE_MAX - 1, 0), EOVERFLOW);
    CHECK_ERRNO(remap_file_pages(p, PAGE, 0, 1ul << 51, 0), EOVERFLOW);
    CHECK_ERRNO(remap_file_pages(private, PAGE, 0, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(unwritable, PAGE, 0, 1, 0), EINVAL);
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
    CHECK_ERRNO(remap_file_pages(p + 2 * PAGE, PAGE, 0, 1, 0), EINVAL);
    CHECK_ERRNO(remap_file_pages(p, 4 * PAGE, 0, 1, 0), EINVAL); /* a hole */
    CHECK(mprotect(p + 4 * PAGE, PAGE, PROT_READ) == 0);
    CHECK_ERRNO(remap_file_pages(p + 3 * PAGE, 2 * PAGE, 0, 1, 0), EINVAL); /* not alike */
    CHECK(p[0] == '0' && p[PAGE] == '1' && p[3 * PAGE] == '3');
    munmap(p, PAGES * PAGE), munmap(private, PAGES * PAGE), munmap(unwritable, PAGES * PAGE);
    close(reader);
}

/* Either it is done, or it is refused and nothing has changed. */
static void memory_is_moved_or_refused(int fd, int flags)
{
    char *p = map(fd, RW, MAP_SHARED | flags);
    for (int i = 0; i < PAGES; i++)
        p[i * PAGE] = (char)('0' + i);
    int done = remap_file_pages(p, PAGE, 0, 4, 0);
    CHECK(done == 0 || errno == EOPNOTSUPP);
    CHECK(shows(p, done == 0 ? "412345" : "012345"));
    p[0] = 'w';
    CHECK(p[4 * PAGE] == (done == 0 ? 'w' : '4')); /* never two pages that pretend to be one */
    CHECK_EQ(munmap(p, PAGES * PAGE), 0);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    int fd = numbered(open("numbered", O_RDWR | O_CREAT | O_TRUNC, 0600)), memory = numbered(memfd_create("numbered", 0));
    what_is_refused("numbered", fd);
    protection_stays("numbered");
    pages_show_other_pages_of_the_file(fd);
    memory_is_moved_or_refused(memory, 0);
    memory_is_moved_or_refused(-1, MAP_ANONYMOUS);
    unlink("numbered");
    printf("remap_file %s\n", check_result() ? "failed" : "ok");
    return check_result();
}
