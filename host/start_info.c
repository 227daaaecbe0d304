/*
 * Gathers what the trusted side wants to know of the host. Start-up only; may use libc. In an enclave
 * all of it is an untrusted hint.
 */
#include "host/start_info.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "host/dns.h"
#include "host/say.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/boundary/hostcall.h"
#include "lib/crypto/crypto.h"

#define SAMPLES 3
#define STRETCH 50000 /* ns */

extern char **environ;

/* Words one after the other, each with its NUL. */
static uint64_t pack_words(char **words, uint64_t count, uint64_t *size)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; i++)
        total += strlen(words[i]) + 1;
    char *p = malloc(total + 1), *end = p;
    if (!p)
        host_fail("out of memory for arguments and environment");
    for (uint64_t i = 0; i < count; i++)
        end = stpcpy(end, words[i]) + 1;
    *size = total;
    return address_of(p);
}

struct tsc_sample {
    uint64_t tsc, uncertain; /* ticks */
    int64_t ns;
};

static struct tsc_sample g_first_sample;

static struct tsc_sample take_sample(void)
{
    struct tsc_sample best = { .uncertain = UINT64_MAX };
    struct timespec ts;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t before = __builtin_ia32_rdtsc();
        clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
        uint64_t took = __builtin_ia32_rdtsc() - before;
        if (took < best.uncertain)
            best = (struct tsc_sample){ before + took / 2, took, ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec };
    }
    return best;
}

/* The earlier the first sample, the longer the stretch that tsc_measure() looks at without waiting. */
__attribute__((constructor)) static void sample_first(void)
{
    g_first_sample = take_sample();
}

/*
 * Where CPUID does not tell the frequency: compare with the kernel's clock, if the kernel itself trusts the
 * TSC. Good to about one part in a thousand, which is enough: the trusted side takes it for the first milliseconds and
 * then goes by what it measures itself (enclave/clock.c). So it does not pay to wait for a long stretch.
 */
static uint64_t tsc_measure(void)
{
    char name[8] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, name, sizeof(name) - 1);
    close(fd);
    if (n < 4 || strcmp(name, "tsc\n") != 0)
        return 0;
    struct tsc_sample now;
    do
        now = take_sample();
    while (now.ns - g_first_sample.ns < STRETCH);
    return (uint64_t)((double)(now.tsc - g_first_sample.tsc) * 1e9 / (double)(now.ns - g_first_sample.ns));
}

static uint64_t tsc_hz_by_cpuid(void)
{
    unsigned a, b, c, d;
    if (__get_cpuid(0x15, &a, &b, &c, &d) && a && b && c)
        return (uint64_t)c * b / a;
    if (__get_cpuid(0x16, &a, &b, &c, &d) && (a & 0xffff))
        return (uint64_t)(a & 0xffff) * 1000000;
    __cpuid(1, a, b, c, d);
    if (!(c & (1u << 31)))
        return 0;
    __cpuid(0x40000000, a, b, c, d);
    if (a < 0x40000010)
        return 0;
    __cpuid(0x40000010, a, b, c, d);
    return (uint64_t)a * 1000;
}

static uint64_t tsc_hz(void)
{
    uint64_t hz = tsc_hz_by_cpuid();
    return hz ? hz : tsc_measure();
}

static uint32_t open_verity(const char *path)
{
    if (!path)
        return UINT32_MAX;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        host_fail("cannot open the Merkle trees of the trusted files: %s: %s", path, host_error_name(errno));
    return (uint32_t)fd;
}

/* loader.log_file: a plain path of the host's; without it standard error. */
static uint32_t open_log(const struct plan *plan)
{
    const char *path = plan_string(plan, plan->h->log_file);
    if (!*path || plan->h->log_level == PLAN_LOG_NONE)
        return 2;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        host_fail("cannot open the log file (loader.log_file): %s: %s", path, host_error_name(errno));
    return (uint32_t)fd;
}

static uint32_t cpu_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint32_t)CPU_COUNT(&set);
}

void start_info_fill(const struct options *o, const struct plan *plan, uint32_t thread_count, struct start *out)
{
    struct utsname name;
    uint64_t env_count = 0;
    while (environ[env_count])
        env_count++;
    *out = (struct start){
        .version = BOUNDARY_VERSION, .thread_count = thread_count,
        .cpu_features = crypto_features_detect(), .tsc_hz = tsc_hz(),
        .log_fd = open_log(plan), .log_level = o->log_level, .trace = o->trace, .stats = o->stats,
        .host_pid = (uint32_t)getpid(), .cpu_count = cpu_count(),
        .verity_fd = open_verity(o->verity),
    };
    out->argv = pack_words(o->argv, (uint64_t)o->argc, &out->argv_size);
    out->envp = pack_words(environ, env_count, &out->envp_size);
    if (!o->hostname)
        return;
    if (uname(&name) == 0)
        memcpy(out->hostname, name.nodename, sizeof(out->hostname) - 1);
    dns_read("/etc/resolv.conf", &out->dns);
}

/* One line of /proc/self/maps: "start-end perms ...". Returns false at the end of the text. */
static bool parse_range(const char **pos, struct start_range *out)
{
    char *end;
    if (!**pos)
        return false;
    uint64_t low = strtoull(*pos, &end, 16);
    uint64_t high = strtoull(end + 1, &end, 16);
    *out = (struct start_range){ low, high - low };
    const char *newline = strchr(end, '\n');
    *pos = newline ? newline + 1 : end + strlen(end);
    return true;
}

static void read_maps(char *text, size_t size)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    ssize_t n;
    if (fd < 0)
        host_fail("cannot read /proc/self/maps: %s", host_error_name(errno));
    while (done < size - 1 && (n = read(fd, text + done, size - 1 - done)) > 0)
        done += (size_t)n;
    text[done] = 0;
    close(fd);
}

uint32_t start_info_ranges(struct start_range *out, uint32_t max)
{
    static char text[1 << 17];
    const char *pos = text;
    struct start_range r;
    uint32_t count = 0;
    read_maps(text, sizeof(text));
    while (parse_range(&pos, &r)) {
        if (r.address >> 63) /* vsyscall, above what a program may map */
            continue;
        if (count && out[count - 1].address + out[count - 1].size == r.address) {
            out[count - 1].size += r.size;
            continue;
        }
        if (count == max)
            host_fail("too many address ranges in use: %u", max);
        out[count++] = r;
    }
    return count;
}
