/* What programs read under /proc and /dev, and that it is true. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>

#include "check.h"

static char g_text[1 << 20];

static ssize_t slurp(const char *name)
{
    int fd = open(name, O_RDONLY);
    ssize_t size = 0, n = -1;
    if (fd >= 0)
        while ((n = read(fd, g_text + size, sizeof(g_text) - 1 - (size_t)size)) > 0)
            size += n;
    g_text[size] = 0;
    if (fd < 0 || n < 0)
        check_failed(name, 0, "cannot be read", fd, 0);
    close(fd);
    return size;
}

static int mapped(const char *lines, uintptr_t address, const char *rights)
{
    unsigned long low, high;
    char has[8];
    for (const char *line = lines; line && *line; line = strchr(line, '\n'), line += line ? 1 : 0)
        if (sscanf(line, "%lx-%lx %4s", &low, &high, has) == 3 && address >= low && address < high)
            return strncmp(has, rights, 3) == 0;
    return 0;
}

static void self(int argc, char **argv)
{
    char exe[PATH_MAX] = "", real[PATH_MAX] = "";
    slurp("/proc/self/maps");
    char here;
    CHECK(mapped(g_text, (uintptr_t)&here, "rw-"));
    CHECK(mapped(g_text, (uintptr_t)&self, "r-x"));
    CHECK(mapped(g_text, (uintptr_t)&g_failures, "rw-"));
    CHECK(strstr(g_text, "[stack]") != NULL);
    CHECK(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
    CHECK(realpath(argv[0], real) && strcmp(exe, real) == 0);
    CHECK(slurp("/proc/self/cmdline") > 0);
    CHECK(strcmp(g_text, argv[0]) == 0);
    slurp("/proc/self/status");
    char line[32];
    snprintf(line, sizeof(line), "\nPid:\t%d\n", getpid());
    CHECK(strstr(g_text, line) != NULL);
    CHECK(strstr(g_text, "VmRSS:") && strstr(g_text, "Threads:\t1\n"));
    CHECK(strstr(g_text, "Mems_allowed_list:\t0\n") && strstr(g_text, "00000001\nMems_allowed_list"));
    struct {
        uint32_t version;
        int pid;
    } version = { 0x20080522, 0 };
    struct {
        uint32_t effective, permitted, inheritable;
    } caps[2];
    CHECK_EQ(syscall(SYS_capget, &version, caps), 0);
    snprintf(line, sizeof(line), "\nCapEff:\t%08x%08x\n", caps[1].effective, caps[0].effective);
    CHECK(strstr(g_text, line) != NULL);
    slurp("/proc/self/stat");
    CHECK_EQ(atoi(g_text), getpid());
    CHECK(slurp("/proc/self/statm") > 8);
    CHECK(slurp("/proc/self/mountinfo") > 10);
    slurp("/proc/self/comm");
    g_text[strcspn(g_text, "\n")] = 0;
    CHECK(strcmp(g_text, strrchr(argv[0], '/') + 1) == 0);
    int fd = open("/proc/self/status", O_RDONLY);
    char link[PATH_MAX] = "", name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    CHECK(readlink(name, link, sizeof(link) - 1) > 0);
    snprintf(name, sizeof(name), "/proc/%d/status", getpid());
    CHECK(strcmp(link, name) == 0);
    close(fd);
    CHECK_ERRNO(open("/proc/self/nonsense", O_RDONLY), ENOENT);
}

/* /proc/TID is there for each thread, and about its process. */
static void *of_thread(void *arg)
{
    char name[64], line[32];
    snprintf(name, sizeof(name), "/proc/%d/status", gettid());
    slurp(name);
    snprintf(line, sizeof(line), "\nTgid:\t%d\n", getpid());
    CHECK(strstr(g_text, line) != NULL);
    snprintf(line, sizeof(line), "\nPid:\t%d\n", gettid());
    CHECK(strstr(g_text, line) != NULL);
    snprintf(name, sizeof(name), "/proc/%d/maps", gettid());
    slurp(name);
    CHECK(mapped(g_text, (uintptr_t)&of_thread, "r-x"));
    return arg;
}

static void threads(void)
{
    pthread_t t;
    NEED(pthread_create(&t, NULL, of_thread, NULL) == 0);
    pthread_join(t, NULL);
    slurp("/proc/sys/kernel/threads-max");
    CHECK(atoi(g_text) > 1);
}

static void check_link(int fd, const char *expected)
{
    char name[64], link[64] = "";
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    CHECK_EQ(readlink(name, link, sizeof(link) - 1), strlen(expected));
    CHECK(strcmp(link, expected) == 0);
    close(fd);
}

static void unnamed(void)
{
    check_link(eventfd(0, 0), "anon_inode:[eventfd]");
    check_link(epoll_create1(0), "anon_inode:[eventpoll]");
    check_link(timerfd_create(CLOCK_MONOTONIC, 0), "anon_inode:[timerfd]");
}

static void listing(void)
{
    int count = 0, found = 0;
    int extra = open("/dev/null", O_RDONLY);
    DIR *d = opendir("/proc/self/fd");
    NEED(d);
    for (struct dirent *e; (e = readdir(d));) {
        count++;
        found += atoi(e->d_name) == extra;
    }
    closedir(d);
    close(extra);
    CHECK(count >= 6);
    CHECK(found);
    found = 0;
    d = opendir("/proc/self/task");
    NEED(d);
    for (struct dirent *e; (e = readdir(d));)
        found += atoi(e->d_name) == getpid();
    closedir(d);
    CHECK_EQ(found, 1);
}

static void machine(void)
{
    slurp("/proc/cpuinfo");
    CHECK(strstr(g_text, "processor\t: 0\n") && strstr(g_text, "flags"));
    slurp("/proc/meminfo");
    CHECK(strncmp(g_text, "MemTotal:", 9) == 0 && strstr(g_text, "MemAvailable:"));
    slurp("/proc/stat");
    CHECK(strncmp(g_text, "cpu ", 4) == 0);
    CHECK(slurp("/proc/sys/kernel/osrelease") > 3);
    struct utsname u;
    CHECK_EQ(uname(&u), 0);
    CHECK(strncmp(u.release, g_text, strlen(u.release)) == 0);
    CHECK(strcmp(u.sysname, "Linux") == 0 && strcmp(u.machine, "x86_64") == 0);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    CHECK(sysconf(_SC_PHYS_PAGES) > 1000);
    CHECK(slurp("/sys/devices/system/cpu/online") > 0);
}

static void devices(void)
{
    unsigned char data[4096], other[64], none[64] = { 0 };
    struct stat st;
    int fd = open("/dev/null", O_RDWR);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
    CHECK_EQ(read(fd, data, sizeof(data)), 0);
    close(fd);
    fd = open("/dev/zero", O_RDWR);
    memset(data, 1, sizeof(data));
    CHECK_EQ(read(fd, data, sizeof(data)), sizeof(data));
    for (unsigned i = 0; i < sizeof(data); i++)
        CHECK_EQ(data[i], 0);
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && p[5000] == 0);
    close(fd);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK_EQ(read(fd, data, 64), 64);
    CHECK_EQ(read(fd, other, 64), 64);
    CHECK(memcmp(data, other, 64) != 0 && memcmp(data, none, 64) != 0);
    close(fd);
    fd = open("/dev/full", O_RDWR);
    CHECK(fd >= 0);
    CHECK_ERRNO(write(fd, "x", 1), ENOSPC);
    close(fd);
    CHECK_EQ(lstat("/dev/fd", &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    fd = open("/dev/shm/guest-test", O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(unlink("/dev/shm/guest-test"), 0);
    CHECK_EQ(access("/dev/tty", F_OK), 0);
}

int main(int argc, char **argv)
{
    self(argc, argv);
    threads();
    unnamed();
    listing();
    machine();
    devices();
    return check_result();
}
