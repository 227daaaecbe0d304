/* What kind of system this is: names, memory, randomness; and calls that a kernel built without them answers with ENOSYS. */
#include "enclave/clock.h"
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

#define UTS_LENGTH 65

struct linux_utsname {
    char sysname[UTS_LENGTH], nodename[UTS_LENGTH], release[UTS_LENGTH], version[UTS_LENGTH], machine[UTS_LENGTH], domainname[UTS_LENGTH];
};

int64_t sys_uname(uaddr_t buf)
{
    struct linux_utsname u = { "Linux", "", "6.1.0", "#1 SMP PREEMPT_DYNAMIC Cloister", "x86_64", "(none)" };
    str_copy(u.nodename, sizeof(u.nodename), g_machine.hostname);
    return user_write(buf, &u, sizeof(u));
}

struct linux_sysinfo {
    int64_t uptime;
    uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t pad2;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit, pad3;
};
static_assert(sizeof(struct linux_sysinfo) == 112, "uapi: struct sysinfo");

int64_t sys_sysinfo(uaddr_t info)
{
    struct process *p = current()->process;
    struct linux_sysinfo s;
    memset(&s, 0, sizeof(s));
    int64_t err = host_call(sysinfo, PTR(&s));
    if (err)
        return err;
    /* Inside, memory is what the enclave has, not what the host says. */
    if (g_machine.is_enclave) {
        struct mm_stats m;
        mm_stats(p->mm, &m);
        s.totalram = g_machine.range_high - g_machine.range_low;
        s.freeram = s.totalram - MIN(m.committed, s.totalram);
        s.sharedram = s.bufferram = s.totalswap = s.freeswap = s.totalhigh = s.freehigh = 0;
        s.mem_unit = 1;
    }
    s.uptime = clock_monotonic() / NSEC_PER_SEC; /* host's would be another than the clock's, and any number */
    s.procs = (uint16_t)p->thread_count;
    s.pad = 0;
    s.pad2 = s.pad3 = 0;
    return user_write(info, &s, sizeof(s));
}

int64_t sys_getrandom(uaddr_t buf, uint64_t count, unsigned flags)
{
    uint8_t bytes[256];
    const unsigned nonblock = 1, random = 2, insecure = 4;
    if (flags & ~(nonblock | random | insecure) || (flags & (random | insecure)) == (random | insecure))
        return -EINVAL;
    count = MIN(count, (uint64_t)INT32_MAX);
    uint64_t done = 0;
    while (done < count) {
        size_t size = MIN(count - done, sizeof(bytes));
        int err = machine_random(bytes, size);
        size_t given = err ? 0 : user_write_some(buf + done, bytes, size);
        done += given;
        if (given < size) {
            bytes_wipe(bytes, sizeof(bytes));
            return done ? (int64_t)done : err ? err : -EFAULT;
        }
    }
    bytes_wipe(bytes, sizeof(bytes));
    return (int64_t)done;
}

int64_t sys_personality(uint64_t persona)
{
    const uint32_t query = 0xffffffff, no_randomize = 0x0040000;
    struct process *p = current()->process;
    uint32_t old = p->personality;
    if ((uint32_t)persona == query)
        return old;
    if ((uint32_t)persona & ~no_randomize)
        return -EINVAL; /* only Linux's own personality */
    p->personality = (uint32_t)persona;
    return old;
}

/* ---- as a kernel without them; rows of their own, so that probing for them is not worth a warning */

int64_t sys_io_setup(unsigned events, uaddr_t context)
{
    return -ENOSYS;
}

int64_t sys_io_destroy(uint64_t context)
{
    return -ENOSYS;
}

int64_t sys_io_getevents(uint64_t context, int64_t least, int64_t most, uaddr_t events, uaddr_t timeout)
{
    return -ENOSYS;
}

int64_t sys_io_submit(uint64_t context, int64_t count, uaddr_t blocks)
{
    return -ENOSYS;
}

int64_t sys_io_cancel(uint64_t context, uaddr_t block, uaddr_t result)
{
    return -ENOSYS;
}

int64_t sys_io_uring_setup(unsigned entries, uaddr_t params)
{
    return -ENOSYS;
}

int64_t sys_io_uring_enter(unsigned fd, unsigned to_submit, unsigned least, unsigned flags, uaddr_t mask, uint64_t mask_size)
{
    return -ENOSYS;
}

int64_t sys_io_uring_register(unsigned fd, unsigned op, uaddr_t arg, unsigned count)
{
    return -ENOSYS;
}

int64_t sys_seccomp(unsigned op, unsigned flags, uaddr_t args)
{
    return -ENOSYS;
}

int64_t sys_set_thread_area(uaddr_t descriptor)
{
    return -ENOSYS; /* as on every x86-64 kernel */
}
