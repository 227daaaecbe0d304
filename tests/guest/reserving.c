/*
 * Files in memory whose pages come and go many at a time: fallocate over holes and over what is written, holes punched into it,
 * ftruncate, and the blocks that stat counts for each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096l

enum { PAGES = 1500, STEP = 7 };

static long pages_of(int fd)
{
    struct stat st;
    NEED(fstat(fd, &st) == 0);
    return (long)st.st_blocks * 512 / PAGE;
}

static char at(int fd, long page)
{
    char c = '?';
    NEED(pread(fd, &c, 1, page * PAGE + 5) == 1);
    return c;
}

/* Every page from one on to another: those whose number STEP divides show a letter, the others nothing. */
static int striped(int fd, long from, long to, char letter)
{
    for (long i = from; i < to; i++)
        if (at(fd, i) != (i % STEP ? 0 : letter))
            return 0;
    return 1;
}

static int written(void)
{
    int fd = memfd_create("reserving", 0);
    NEED(fd >= 0);
    for (long i = 0; i < PAGES; i += STEP)
        NEED(pwrite(fd, "x", 1, i * PAGE + 5) == 1);
    return fd;
}

static void reserve(void)
{
    int fd = written();
    long few = pages_of(fd);
    CHECK(few == (PAGES + STEP - 1) / STEP);
    CHECK(fallocate(fd, 0, 100, PAGES * PAGE - 200) == 0);
    CHECK(pages_of(fd) == PAGES && striped(fd, 0, PAGES - STEP, 'x'));
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, PAGES * PAGE, 700 * PAGE) == 0);
    CHECK(pages_of(fd) == PAGES + 700 && lseek(fd, 0, SEEK_END) == PAGES * PAGE - 100);
    CHECK(ftruncate(fd, (PAGES + 700) * PAGE) == 0 && at(fd, PAGES + 699) == 0);
    close(fd);
}

static void punch(void)
{
    int fd = written();
    NEED(fallocate(fd, 0, 0, PAGES * PAGE) == 0);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE, 1000 * PAGE) == 0);
    CHECK(pages_of(fd) == PAGES - 1000);
    CHECK(striped(fd, 0, 10, 'x') && striped(fd, 10, 1010, 0) && striped(fd, 1010, PAGES, 'x'));
    CHECK(fallocate(fd, 0, 0, PAGES * PAGE) == 0 && pages_of(fd) == PAGES && striped(fd, 10, 1010, 0));
    CHECK(ftruncate(fd, 600 * PAGE) == 0 && pages_of(fd) == 600);
    CHECK(ftruncate(fd, PAGES * PAGE) == 0 && pages_of(fd) == 600 && striped(fd, 600, PAGES, 0));
    close(fd);
}

/* What is given back can be had again, all of it and empty. */
static void again(void)
{
    for (int round = 0; round < 20; round++) {
        int fd = memfd_create("again", 0);
        NEED(fd >= 0 && fallocate(fd, 0, 0, PAGES * PAGE) == 0);
        CHECK(at(fd, 0) == 0 && at(fd, PAGES - 1) == 0);
        for (long i = 0; i < PAGES; i += round + 1)
            NEED(pwrite(fd, "y", 1, i * PAGE + 5) == 1);
        CHECK(ftruncate(fd, (round + 1) * 50 * PAGE) == 0 && pages_of(fd) == (round + 1) * 50);
        close(fd);
    }
}

int main(void)
{
    reserve();
    punch();
    again();
    printf("reserving %s\n", check_result() ? "failed" : "ok");
    return check_result();
}
