/* Memory: mappings of all kinds, protection, faults as signals, splitting, mremap, brk, madvise. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "check.h"

#define PAGE 4096ul

static sigjmp_buf g_jump;
static volatile uintptr_t g_fault_address;
static volatile int g_fault_code, g_faults;

static void jump_out(int sig, siginfo_t *info, void *context)
{
    g_fault_address = (uintptr_t)info->si_addr;
    g_fault_code = info->si_code;
    siglongjmp(g_jump, sig);
}

static void open_up(int sig, siginfo_t *info, void *context)
{
    g_faults++;
    mprotect((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
}

static int faults(volatile char *p, int write)
{
    int sig = sigsetjmp(g_jump, 1);
    if (sig)
        return sig;
    if (write)
        *p = 1;
    else
        (void)*p;
    return 0;
}

static void anonymous(void)
{
    char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(p != MAP_FAILED);
    for (size_t i = 0; i < 16 * PAGE; i += 512)
        CHECK_EQ(p[i], 0);
    memset(p, 'a', 16 * PAGE);
    CHECK_EQ(munmap(p + 4 * PAGE, PAGE), 0);
    handle(jump_out);
    CHECK_EQ(faults(p + 4 * PAGE + 7, 0), SIGSEGV);
    CHECK_EQ(g_fault_address, (uintptr_t)p + 4 * PAGE + 7);
    CHECK_EQ(g_fault_code, SEGV_MAPERR);
    CHECK_EQ(p[4 * PAGE - 1], 'a');
    CHECK_EQ(p[5 * PAGE], 'a');
    CHECK(mmap(p + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 4 * PAGE);
    CHECK_EQ(p[4 * PAGE], 0);
    CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
    CHECK_EQ(p[0], 0);
    CHECK_EQ(faults(p, 1), SIGSEGV);
    CHECK_EQ(g_fault_code, SEGV_ACCERR);
    CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK_EQ(madvise(p + 8 * PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(p[8 * PAGE], 0);
    CHECK_EQ(p[10 * PAGE], 'a');
    CHECK_EQ(munmap(p, 16 * PAGE), 0);
    CHECK_EQ(munmap(p, 16 * PAGE), 0);
}

static void discarding_what_may_not_be_written(void)
{
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 'a', 3 * PAGE);
    CHECK_EQ(mprotect(p, PAGE, PROT_NONE), 0);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(madvise(p, 3 * PAGE, MADV_DONTNEED), 0);
    handle(jump_out);
    CHECK_EQ(faults(p, 0), SIGSEGV);
    CHECK_EQ(faults(p + PAGE, 1), SIGSEGV);
    CHECK_EQ(p[PAGE], 0);
    CHECK_EQ(p[2 * PAGE], 0);
    CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
    CHECK_EQ(p[0], 0);
    CHECK_EQ(munmap(p, 3 * PAGE), 0);
}

static void protection(void)
{
    char *p = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle(jump_out);
    CHECK_EQ(faults(p, 0), SIGSEGV);
    CHECK_EQ(faults(p + PAGE, 1), SIGSEGV);
    CHECK_EQ(g_fault_address, (uintptr_t)p + PAGE);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(faults(p + PAGE, 0), 0);
    CHECK_EQ(faults(p + PAGE, 1), SIGSEGV);
    handle(open_up);
    for (int i = 0; i < 3; i++)
        ((volatile char *)p)[(unsigned)i * PAGE + 5] = 'x';
    CHECK_EQ(g_faults, 3);
    CHECK_EQ(p[5] + p[PAGE + 5] + p[2 * PAGE + 5], 3 * 'x');
    handle(jump_out);
    CHECK_EQ(faults(NULL, 0), SIGSEGV);
    CHECK_EQ(g_fault_address, 0);
    CHECK_EQ(faults((char *)16, 1), SIGSEGV);
    CHECK_ERRNO(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
    munmap(p, 3 * PAGE);
    CHECK_ERRNO(mprotect(p, PAGE, PROT_READ), ENOMEM);
    static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42,%eax; ret */
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(p, code, sizeof(code));
    CHECK_EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(((int (*)(void))(uintptr_t)p)(), 42);
    munmap(p, PAGE);
}

static void files(void)
{
    char text[8];
    int fd = open("map", O_CREAT | O_TRUNC | O_RDWR, 0600);
    NEED(fd >= 0);
    CHECK_EQ(ftruncate(fd, 2 * PAGE + 100), 0);
    CHECK_EQ(pwrite(fd, "first", 5, 0), 5);
    CHECK_EQ(pwrite(fd, "third", 5, 2 * PAGE), 5);
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    NEED(p != MAP_FAILED);
    CHECK(memcmp(p, "first", 5) == 0 && memcmp(p + 2 * PAGE, "third", 5) == 0);
    CHECK_EQ(p[2 * PAGE + 100], 0);
    memcpy(p, "PRIV", 4);
    CHECK_EQ(pread(fd, text, 5, 0), 5);
    CHECK(memcmp(text, "first", 5) == 0);
    char *q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)(2 * PAGE));
    CHECK(memcmp(q, "third", 5) == 0);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED && errno == EBADF);
    close(fd);
    CHECK(memcmp(q, "third", 5) == 0);
    fd = open("map", O_RDONLY);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    close(fd);
    munmap(p, 3 * PAGE);
    munmap(q, PAGE);
}

static void shared(void)
{
    char text[8] = "";
    int fd = open("shared", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    char *a = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(a != MAP_FAILED);
    memcpy(a + PAGE, "mapped", 6);
    CHECK_EQ(msync(a, 2 * PAGE, MS_SYNC), 0);
    CHECK_EQ(pread(fd, text, 6, PAGE), 6);
    CHECK(memcmp(text, "mapped", 6) == 0);
    CHECK_EQ(munmap(a, 2 * PAGE), 0);
    CHECK_EQ(pread(fd, text, 6, PAGE), 6);
    CHECK(memcmp(text, "mapped", 6) == 0);
    close(fd);
    a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(a != MAP_FAILED);
    a[5] = 'q';
    CHECK_EQ(a[5], 'q');
    munmap(a, PAGE);
}

static void moving(void)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 'm', 4 * PAGE);
    CHECK(mremap(p, 4 * PAGE, 2 * PAGE, 0) == p);
    char *q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    NEED(q != MAP_FAILED);
    CHECK_EQ(q[2 * PAGE - 1], 'm');
    CHECK_EQ(q[2 * PAGE], 0);
    q[64 * PAGE - 1] = 'z';
    CHECK_EQ(munmap(q, 64 * PAGE), 0);
    char *old = sbrk(0);
    CHECK(sbrk(3 * (intptr_t)PAGE) == old);
    memset(old, 'b', 3 * PAGE);
    CHECK(sbrk(-3 * (intptr_t)PAGE) == old + 3 * PAGE);
    CHECK(sbrk(0) == old);
}

static void many_pieces(void)
{
    enum { COUNT = 400 };
    char *p = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < COUNT; i++)
        p[i * PAGE] = (char)i;
    for (unsigned i = 0; i < COUNT; i += 2)
        CHECK_EQ(mprotect(p + i * PAGE, PAGE, PROT_READ), 0);
    for (unsigned i = 0; i < COUNT; i += 3)
        CHECK_EQ(munmap(p + i * PAGE, PAGE), 0);
    for (unsigned i = 0; i < COUNT; i++)
        if (i % 3)
            CHECK_EQ(p[i * PAGE], (char)i);
    CHECK_EQ(munmap(p, COUNT * PAGE), 0);
    size_t big = 64ul << 20;
    p = mmap(NULL, big, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(p != MAP_FAILED);
    for (size_t i = 0; i < big; i += PAGE)
        p[i] = (char)(i / PAGE);
    for (size_t i = 0; i < big; i += PAGE)
        CHECK_EQ(p[i], (char)(i / PAGE));
    munmap(p, big);
    p = mmap(NULL, 8ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED)
        CHECK_EQ(munmap(p, 8ul << 30), 0);
    else
        CHECK_EQ(errno, ENOMEM);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    anonymous();
    protection();
    discarding_what_may_not_be_written();
    files();
    shared();
    moving();
    many_pieces();
    return check_result();
}
