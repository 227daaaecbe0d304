/* Who a process is and what it may: ids, groups, sessions, capabilities, priorities, scheduling,
 * limits, prctl. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"

static void scheduling(void)
{
    struct sched_param p = { .sched_priority = 0 };
    struct timespec t;
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &p), 0);
    CHECK_EQ(sched_getparam(0, &p), 0);
    CHECK_EQ(p.sched_priority, 0);
    CHECK_EQ(sched_setparam(0, &p), 0);
    p.sched_priority = 5;
    CHECK_ERRNO(sched_setparam(0, &p), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, 77, &p), EINVAL);
    CHECK_ERRNO(sched_setscheduler(-1, SCHED_OTHER, &p), EINVAL);
    CHECK_ERRNO(sched_getscheduler(-1), EINVAL);
    CHECK_ERRNO(sched_getscheduler(999999), ESRCH);
    CHECK_ERRNO(sched_getparam(0, NULL), EINVAL);
    CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
    CHECK_EQ(sched_get_priority_min(SCHED_RR), 1);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER) + sched_get_priority_min(SCHED_BATCH), 0);
    CHECK_ERRNO(sched_get_priority_max(77), EINVAL);
    CHECK_ERRNO(sched_get_priority_min(-1), EINVAL);
    CHECK_EQ(sched_rr_get_interval(0, &t), 0);
    CHECK(t.tv_sec == 0 && t.tv_nsec >= 0);
    CHECK_ERRNO(sched_rr_get_interval(-1, &t), EINVAL);
    cpu_set_t set;
    CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    memset(&set, 0, sizeof(set));
    CHECK_ERRNO(sched_setaffinity(0, sizeof(set), &set), EINVAL);
    CHECK_ERRNO(sched_setaffinity(999999, sizeof(set), &set), ESRCH);
}

static void priorities_and_limits(void)
{
    struct rlimit l, old, wrong = { 10, 5 };
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
    CHECK_ERRNO(getpriority(7, 0), EINVAL);
    CHECK_ERRNO(setpriority(7, 0, 0), EINVAL);
    CHECK_ERRNO(getpriority(PRIO_PROCESS, 999999), ESRCH);
    CHECK_EQ(syscall(SYS_getrlimit, RLIMIT_NOFILE, &l), 0);
    old = l;
    l.rlim_cur = 40;
    CHECK_EQ(syscall(SYS_setrlimit, RLIMIT_NOFILE, &l), 0);
    CHECK_EQ(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &old, &l), 0);
    CHECK_EQ(l.rlim_cur, 40);
    CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_NOFILE, &wrong), EINVAL);
    CHECK_ERRNO(syscall(SYS_getrlimit, 99, &l), EINVAL);
    CHECK_ERRNO(syscall(SYS_setrlimit, 99, &l), EINVAL);
    CHECK_ERRNO(syscall(SYS_prlimit64, 999999, RLIMIT_NOFILE, NULL, &l), ESRCH);
}

static void sessions(void)
{
    CHECK_EQ(getpgrp(), getpgid(0));
    CHECK_EQ(getpgid(getpid()), getpgrp());
    CHECK_ERRNO(getpgid(999999), ESRCH);
    CHECK(getsid(0) >= 0);
    CHECK_ERRNO(getsid(999999), ESRCH);
    CHECK_ERRNO(setpgid(0, -1), EINVAL);
    CHECK_ERRNO(setpgid(-1, 0), EINVAL);
    CHECK_ERRNO(setpgid(999999, 0), ESRCH);
    if (getpgrp() == getpid())
        CHECK_ERRNO(setsid(), EPERM);
    else
        CHECK_EQ(setsid(), getpid());
    CHECK_EQ(getsid(0), getpid() == getpgrp() ? getsid(getpid()) : -1);
}

static void process_options(void)
{
    char name[32] = "";
    CHECK_EQ(prctl(PR_SET_NAME, "a name that is too long"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK_EQ(strcmp(name, "a name that is "), 0);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
    CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 0), 0);
    CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
    int sig = -1;
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
    CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
    CHECK_EQ(sig, SIGUSR1);
    CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 60000), 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 60000);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(123456), EINVAL);
    unsigned long base = 0;
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &base), 0);
    CHECK(base != 0);
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_FS, base), 0);
    CHECK_ERRNO(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_FS, 0x800000000000), EPERM);
    CHECK_EQ(personality(0xffffffff) & 0xff, 0);
}

static void capabilities(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];
    CHECK_EQ(syscall(SYS_capget, &h, d), 0);
    CHECK_EQ(syscall(SYS_capset, &h, d), 0);
    h.version = 1;
    CHECK_ERRNO(syscall(SYS_capget, &h, d), EINVAL);
    CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
    h.pid = 999999;
    CHECK_ERRNO(syscall(SYS_capget, &h, d), ESRCH);
    CHECK_ERRNO(syscall(SYS_capset, &h, d), EPERM);
    h.pid = -1;
    CHECK_ERRNO(syscall(SYS_capget, &h, d), EINVAL);
}

/* Last: what is given up does not come back. */
static void ids(void)
{
    unsigned r, e, s;
    gid_t list[40] = { 7, 8, 9 };
    CHECK(geteuid() == getuid() && getegid() == getgid());
    if (getuid() != 0)
        return;
    CHECK_EQ(setgroups(3, list), 0);
    CHECK_EQ(getgroups(0, NULL), 3);
    memset(list, 0, sizeof(list));
    CHECK_EQ(getgroups(40, list), 3);
    CHECK(list[0] == 7 && list[2] == 9);
    CHECK_ERRNO(getgroups(2, list), EINVAL);
    CHECK_ERRNO(syscall(SYS_getgroups, -1, list), EINVAL);
    CHECK_ERRNO(syscall(SYS_setgroups, 65537, list), EINVAL);
    CHECK_EQ(setfsuid(5), 0);
    CHECK_EQ(setfsuid(-1), 5);
    CHECK_EQ(setfsgid(6), 0);
    CHECK_EQ(setfsgid(-1), 6);
    CHECK_EQ(syscall(SYS_setresgid, 10, 11, 12), 0);
    CHECK_EQ(getresgid(&r, &e, &s), 0);
    CHECK(r == 10 && e == 11 && s == 12);
    CHECK_EQ(syscall(SYS_setregid, -1, 10), 0);
    CHECK_EQ(syscall(SYS_setgid, 13), 0);
    CHECK_EQ(getresgid(&r, &e, &s), 0);
    CHECK(r == 13 && e == 13 && s == 13);
    CHECK_ERRNO(syscall(SYS_setuid, -1), EINVAL);
    CHECK_ERRNO(syscall(SYS_setgid, -1), EINVAL);
    CHECK_EQ(syscall(SYS_setresuid, 0, 1001, 1002), 0);
    CHECK_EQ(getresuid(&r, &e, &s), 0);
    CHECK(r == 0 && e == 1001 && s == 1002);
    CHECK_ERRNO(syscall(SYS_setresuid, -1, 1003, -1), EPERM);
    CHECK_EQ(syscall(SYS_setreuid, -1, 0), 0);
    CHECK_EQ(syscall(SYS_setuid, 1004), 0);
    CHECK_EQ(getresuid(&r, &e, &s), 0);
    CHECK(r == 1004 && e == 1004 && s == 1004);
    CHECK_ERRNO(syscall(SYS_setuid, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_setgid, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_setgroups, 1, list), EPERM);
    CHECK_ERRNO(chroot("/"), EPERM);
}

int main(void)
{
    scheduling();
    priorities_and_limits();
    sessions();
    process_options();
    capabilities();
    ids();
    return check_result();
}
