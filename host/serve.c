/*
 * The serve loop: enter the enclave, do what it asks for, enter again. Most calls are Linux system
 * calls with the very arguments of the frame; the others are in g_own. Served code: no libc.
 *
 * The launcher trusts the enclave no more than the kernel trusts a process: a call can do no more than
 * the user could. Checks here are for clear messages, not for safety.
 */
#include "host/serve.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <fcntl.h>

#include "host/conduct.h"
#include "host/debugger.h"
#include "host/device.h"
#include "host/quoting.h"
#include "host/say.h"
#include "host/stats.h"
#include "host/syscall.h"
#include "host/syscall_stub.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/boundary/message.h"
#include "lib/boundary/start.h"

typedef int64_t own_call(struct host_thread *t, const uint64_t r[6]);

/* Calls that may sleep for long: made so that a signal cannot slip in just before them. */
static const uint8_t g_blocking[HC_COUNT] = {
    [HC_openat] = 1,  [HC_read] = 1,   [HC_write] = 1,    [HC_flock] = 1,  [HC_accept4] = 1,
    [HC_connect] = 1, [HC_sendto] = 1, [HC_recvfrom] = 1, [HC_ppoll] = 1,  [HC_epoll_pwait] = 1,
};

static int64_t own_exit(struct host_thread *t, const uint64_t r[6])
{
    stats_print();
    return sys1(__NR_exit_group, r[0]);
}

static int64_t own_thread_create(struct host_thread *t, const uint64_t r[6])
{
    return thread_start(r[0]);
}

static int64_t own_thread_exit(struct host_thread *t, const uint64_t r[6])
{
    thread_exit(t);
}

static int64_t own_thread_wait(struct host_thread *t, const uint64_t r[6])
{
    return thread_wait(t, r[1]);
}

static int64_t own_thread_wake(struct host_thread *t, const uint64_t r[6])
{
    return thread_wake(r[0]);
}

static int64_t own_thread_kick(struct host_thread *t, const uint64_t r[6])
{
    return thread_kick(r[0]);
}

static int64_t own_thread_cputime(struct host_thread *t, const uint64_t r[6])
{
    return thread_cputime(r[0], r[1], r[2]);
}

static int64_t own_page_protect(struct host_thread *t, const uint64_t r[6])
{
    if (!IS_ALIGNED(r[0] | r[1], PAGE_SIZE) || !range_within(r[0], r[1], g_host.enclave_size) || r[2] > 7)
        return -EINVAL;
    return g_host.device->protect(r[0], r[1], (int)r[2]);
}

static int64_t own_quote_target(struct host_thread *t, const uint64_t r[6])
{
    return quoting_target(pointer_to(r[0]));
}

static int64_t own_quote_get(struct host_thread *t, const uint64_t r[6])
{
    return quoting_get(pointer_to(r[0]), pointer_to(r[1]), r[2]);
}

static int64_t own_cpuid(struct host_thread *t, const uint64_t r[6])
{
    uint32_t *out = pointer_to(r[2]);
    if (t->cpuid_faults)
        sys2(__NR_arch_prctl, ARCH_SET_CPUID, 1);
    __cpuid_count((uint32_t)r[0], (uint32_t)r[1], out[0], out[1], out[2], out[3]);
    if (t->cpuid_faults)
        sys2(__NR_arch_prctl, ARCH_SET_CPUID, 0);
    return 0;
}

/* Host sockets never block: no signal can be missed here. */
static int64_t own_sendmsg(struct host_thread *t, const uint64_t r[6])
{
    struct linux_msghdr h;
    uint64_t iov[2];
    host_message_open(pointer_to(r[4]), true, r[1], r[2], &h, iov);
    return sys3(__NR_sendmsg, r[0], address_of(&h), r[3]);
}

static int64_t own_recvmsg(struct host_thread *t, const uint64_t r[6])
{
    struct linux_msghdr h;
    uint64_t iov[2];
    host_message_open(pointer_to(r[4]), false, r[1], r[2], &h, iov);
    int64_t ret = sys3(__NR_recvmsg, r[0], address_of(&h), r[3]);
    host_message_close(pointer_to(r[4]), &h);
    return ret;
}

static own_call *const g_own[HC_COUNT] = {
    [HC_exit] = own_exit,
    [HC_thread_create] = own_thread_create,
    [HC_thread_exit] = own_thread_exit,
    [HC_thread_wait] = own_thread_wait,
    [HC_thread_wake] = own_thread_wake,
    [HC_thread_kick] = own_thread_kick,
    [HC_thread_cputime] = own_thread_cputime,
    [HC_page_protect] = own_page_protect,
    [HC_quote_target] = own_quote_target,
    [HC_quote_get] = own_quote_get,
    [HC_cpuid] = own_cpuid,
    [HC_sendmsg] = own_sendmsg,
    [HC_recvmsg] = own_recvmsg,
};

static int64_t serve_honestly(struct host_thread *t, const struct hostcall_frame *f)
{
    if (f->nr >= HC_COUNT)
        return -ENOSYS;
    if (g_own[f->nr])
        return g_own[f->nr](t, f->r);
    uint64_t nr = (uint64_t)hostcall_table[f->nr].linux_nr;
    bool lock_wait = f->nr == HC_fcntl && (f->r[1] == F_SETLKW || f->r[1] == F_OFD_SETLKW);
    if (g_blocking[f->nr] || lock_wait)
        return host_blocking_syscall(&t->pending, nr, f->r);
    return sys6((int64_t)nr, f->r[0], f->r[1], f->r[2], f->r[3], f->r[4], f->r[5]);
}

int64_t serve_call(struct host_thread *t, const struct hostcall_frame *f)
{
    if (f->nr < HC_COUNT)
        t->counters.calls[f->nr]++;
    if (g_host.stats)
        stats_count_bytes(t, f);
    return conduct_serve(t, f, serve_honestly);
}

_Noreturn void serve_thread(struct host_thread *t, uint64_t reason, uint64_t argument)
{
    for (;;) {
        uint64_t frame;
        conduct_before_enter(t, &reason, &argument);
        t->counters.eenter++;
        uint64_t exit = g_host.device->enter(t, reason, argument, 0, &frame);
        t->counters.eexit++;
        if (exit != EXIT_CALL)
            host_fail("the enclave refused to be entered: thread %lu, reason %lu: a bug of the launcher or of the image",
                      (unsigned long)t->index, (unsigned long)reason);
        if (frame != t->staging)
            host_fail("the enclave passed a frame outside its staging area: thread %lu", (unsigned long)t->index);
        argument = (uint64_t)debugger_serve_call(t, pointer_to(frame), t->tcs + PAGE_SIZE); /* its page: lib/sgx/layout.h */
        reason = ENTER_RETURN;
    }
}
