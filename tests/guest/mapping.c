/*
 * Mappings in depth, as an ordinary program sees them: passes on Linux first, then in direct, then in soft.
 * Prints the first thing that differs and exits 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PAGE     4096ul
#define RW       (PROT_READ | PROT_WRITE)
#define CHECK(x) ((x) ? (void)0 : (printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno), exit(1)))
#define FAILS(x, e) (errno = 0, CHECK((long)(x) == -1 && errno == (e)))

static sigjmp_buf g_back;
static volatile int g_signal, g_code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    g_signal = sig;
    g_code = info->si_code;
    siglongjmp(g_back, 1);
}

/* The signal that reading (or writing) a byte raises; 0: none. */
static int touch(volatile char *p, int write)
{
    g_signal = 0;
    if (sigsetjmp(g_back, 1) == 0) {
        char c = *p;
        if (write)
            *p = c;
    }
    return g_signal;
}

static char *map(size_t pages, int prot, int flags)
{
    char *p = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static void protections_hold(void)
{
    char *p = map(4, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
    CHECK(touch(p, 0) == SIGSEGV && g_code == SEGV_ACCERR);
    CHECK(mprotect(p + PAGE, PAGE, RW) == 0);
    CHECK(touch(p + PAGE, 1) == 0 && p[PAGE] == 0);
    p[PAGE] = 7;
    CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0 && p[PAGE] == 7);
    CHECK(touch(p + PAGE, 1) == SIGSEGV);
    CHECK(munmap(p, 4 * PAGE) == 0);
    CHECK(touch(p + PAGE, 0) == SIGSEGV && g_code == SEGV_MAPERR);
    FAILS(mprotect(p, PAGE, RW), ENOMEM);
}

static void fixed_and_hints(void)
{
    char *p = map(8, RW, MAP_PRIVATE);
    memset(p, 1, 8 * PAGE);
    CHECK(mmap(p + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 2 * PAGE);
    CHECK(p[2 * PAGE] == 0 && p[PAGE] == 1 && p[3 * PAGE] == 1);
    FAILS(mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK(munmap(p + 4 * PAGE, PAGE) == 0);
    CHECK(mmap(p + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p + 4 * PAGE); /* a free hint is honoured */
    FAILS(mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    FAILS(mmap(p + 1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    FAILS(munmap(p + 1, PAGE), EINVAL);
    FAILS(madvise(p, PAGE, 12345), EINVAL);
    CHECK(munmap(p, 8 * PAGE) == 0);
}

static void remapping_keeps_content(void)
{
    char *p = map(4, RW, MAP_PRIVATE);
    for (int i = 0; i < 4; i++)
        p[(size_t)i * PAGE] = (char)(i + 1);
    CHECK(mmap(p + 4 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED); /* likely in the way */
    char *q = mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    for (int i = 0; i < 4; i++)
        CHECK(q[(size_t)i * PAGE] == i + 1);
    CHECK(q[63 * PAGE] == 0);
    CHECK(mremap(q, 64 * PAGE, 2 * PAGE, 0) == q && q[PAGE] == 2);
    CHECK(touch(q + 2 * PAGE, 0) == SIGSEGV);
    FAILS(mremap(q, 2 * PAGE, 0, 0), EINVAL);
    FAILS(mremap(q + 1, PAGE, PAGE, 0), EINVAL);
    char *to = map(2, RW, MAP_PRIVATE);
    CHECK(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && to[PAGE] == 2);
    CHECK(munmap(to, 2 * PAGE) == 0);
}

static void files(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/mapping_test_file", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    char block[PAGE + 100];
    memset(block, 'a', sizeof(block));
    CHECK(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block));
    char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && p[0] == 'a' && p[PAGE + 99] == 'a' && p[PAGE + 100] == 0);
    CHECK(touch(p + 2 * PAGE, 0) == SIGBUS);
    p[0] = 'b';
    CHECK(pread(fd, block, 1, 0) == 1 && block[0] == 'a');
    CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0 && p[0] == 'a');
    CHECK(munmap(p, 3 * PAGE) == 0);
    p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    p[5] = 'c';
    CHECK(msync(p, 2 * PAGE, MS_SYNC) == 0);
    CHECK(pread(fd, block, 6, 0) == 6 && block[5] == 'c');
    p[6] = 'd';
    CHECK(munmap(p, 2 * PAGE) == 0);
    CHECK(pread(fd, block, 7, 0) == 7 && block[6] == 'd');
    int ro = open(path, O_RDONLY);
    FAILS(mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0), EACCES);
    p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
    CHECK(p != MAP_FAILED);
    FAILS(mprotect(p, PAGE, RW), EACCES);
    close(ro);
    close(fd);
    unlink(path);
}

/* As databases do: map more than there is, write with a descriptor, read through the mapping. */
static void mappings_see_what_descriptors_write(const char *dir)
{
    char path[4096], block[100], big = 'z';
    snprintf(path, sizeof(path), "%s/mapping-grows", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), other = open(path, O_RDWR);
    CHECK(fd >= 0 && other >= 0);
    memset(block, 'a', sizeof(block));
    CHECK(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block));
    char *p = mmap(NULL, 64 << 20, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED && p[99] == 'a');
    struct statfs fs;
    bool on_tmpfs = statfs(dir, &fs) == 0 && fs.f_type == 0x01021994; /* its mappings are always writable and reach on */
    CHECK(on_tmpfs || touch(p + PAGE, 0) == SIGBUS);
    CHECK(pwrite(other, "bc", 2, 50) == 2 && p[50] == 'b' && p[51] == 'c' && p[52] == 'a');
    CHECK(pwrite(fd, &big, 1, 5 * PAGE) == 1 && p[5 * PAGE] == 'z' && p[PAGE] == 0 && p[99] == 'a');
    CHECK(on_tmpfs || (touch(p + 6 * PAGE, 0) == SIGBUS && touch(p, 1) == SIGSEGV));
    CHECK(ftruncate(fd, 8 * PAGE) == 0 && p[7 * PAGE] == 0);
    CHECK(munmap(p, 64 << 20) == 0 && close(fd) == 0 && close(other) == 0 && unlink(path) == 0);
}

static void memfd_is_shared(void)
{
    int fd = memfd_create("test", 0);
    CHECK(fd >= 0 && ftruncate(fd, 2 * PAGE) == 0);
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    char *q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED && q != MAP_FAILED);
    p[PAGE + 1] = 42;
    char c;
    CHECK(q[PAGE + 1] == 42 && pread(fd, &c, 1, PAGE + 1) == 1 && c == 42);
    CHECK(pwrite(fd, "x", 1, 3) == 1 && p[3] == 'x');
    CHECK(munmap(p, 2 * PAGE) == 0 && q[PAGE + 1] == 42);
    CHECK(munmap(q, 2 * PAGE) == 0);
    close(fd);
}

static void discarding_gives_zeroes(void)
{
    char *p = map(4, RW, MAP_PRIVATE);
    unsigned char vec[4];
    memset(p, 3, 4 * PAGE);
    CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    CHECK(p[0] == 3 && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 3);
    CHECK(mincore(NULL, 0, NULL) == 0); /* nothing is looked at */
    FAILS(mincore(p + 1, 0, vec), EINVAL);
    CHECK(mincore(p, PAGE, vec) == 0 && (vec[0] & 1));
    CHECK(munmap(p + PAGE, PAGE) == 0);
    FAILS(mincore(p, 4 * PAGE, vec), ENOMEM);
    FAILS(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK(p[0] == 0 && p[3 * PAGE] == 0);
    CHECK(mlock(p, PAGE) == 0 && munlock(p, PAGE) == 0);
    CHECK(munmap(p, 4 * PAGE) == 0);
}

static void brk_grows_and_shrinks(void)
{
    char *old = sbrk(0);
    CHECK(sbrk(3 * PAGE) == old);
    memset(old, 5, 3 * PAGE);
    CHECK(brk(old + PAGE) == 0 && brk(old + 3 * PAGE) == 0);
    CHECK(old[2 * PAGE + 4000] == 0);
    CHECK(brk(old) == 0);
}

/* To a fixed place that is smaller: what does not fit goes, and what stands behind the place stays. */
static void a_move_ends_where_its_target_does(void)
{
    char *p = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *room = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED && room != MAP_FAILED);
    memset(p, 1, 8 * PAGE);
    memset(room, 2, 8 * PAGE);
    CHECK(mremap(p, 8 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    CHECK(room[0] == 1 && room[3 * PAGE - 1] == 1 && room[3 * PAGE] == 2 && room[8 * PAGE - 1] == 2);
    CHECK(touch(p, 0) == SIGSEGV && touch(p + 3 * PAGE, 0) == SIGSEGV && touch(p + 7 * PAGE, 0) == SIGSEGV);
    CHECK(munmap(room, 8 * PAGE) == 0);
    /* Just below itself: the tail that goes is where the other pages came from. */
    p = mmap(NULL, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(p, 16 * PAGE) == 0);
    memset(p + 16 * PAGE, 3, 48 * PAGE);
    CHECK(mremap(p + 16 * PAGE, 48 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
    CHECK(p[0] == 3 && p[16 * PAGE - 1] == 3 && touch(p + 16 * PAGE, 0) == SIGSEGV && touch(p + 63 * PAGE, 0) == SIGSEGV);
    CHECK(munmap(p, 16 * PAGE) == 0);
}

static void what_is_cut_from_a_file_is_gone(const char *where)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s/cut", where);
    int fds[] = { memfd_create("cut", 0), open(name, O_RDWR | O_CREAT | O_TRUNC, 0600) };
    for (int i = 0; i < 2; i++) {
        int fd = fds[i];
        CHECK(fd >= 0 && ftruncate(fd, 3 * PAGE) == 0);
        for (int page = 0; page < 3; page++)
            CHECK(pwrite(fd, "full", 4, page * (long)PAGE) == 4);
        char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0), *q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 2 * PAGE);
        CHECK(p != MAP_FAILED && q != MAP_FAILED && p[PAGE] == 'f' && q[0] == 'f');
        p[0] = p[2 * PAGE + 1] = 'M';
        CHECK(ftruncate(fd, PAGE + 1) == 0 && ftruncate(fd, 3 * PAGE) == 0);
        CHECK(p[0] == 'M' && p[1] == 'u' && p[PAGE] == 'f' && p[2 * PAGE] == 0 && p[2 * PAGE + 1] == 0 && q[0] == 0);
        CHECK(munmap(p, 3 * PAGE) == 0 && munmap(q, PAGE) == 0 && close(fd) == 0);
    }
    CHECK(unlink(name) == 0);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    protections_hold();
    fixed_and_hints();
    remapping_keeps_content();
    a_move_ends_where_its_target_does();
    files(argc > 1 ? argv[1] : "/tmp");
    mappings_see_what_descriptors_write(argc > 1 ? argv[1] : "/tmp");
    memfd_is_shared();
    what_is_cut_from_a_file_is_gone(argc > 1 ? argv[1] : "/tmp");
    discarding_gives_zeroes();
    brk_grows_and_shrinks();
    printf("mapping ok\n");
    return 0;
}
