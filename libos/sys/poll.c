/*
 * poll, ppoll, select, pselect6: copy the sets in, resolve descriptors once, wait, copy the answers
 * out. Small sets need no memory of the heap.
 */
#include "libos/ipc/poll.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/signal.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/sys.h"
#include "libos/sys/timeout.h"

#define FEW 16

struct user_pollfd {
    int32_t fd;
    int16_t events, revents;
};

static uint32_t fd_limit(void)
{
    uint64_t limit = __atomic_load_n(&current()->process->limits[LINUX_RLIMIT_NOFILE].soft,
                                     __ATOMIC_RELAXED);
    return (uint32_t)MIN(limit, 1u << 20);
}

static int set_mask(uaddr_t mask, uint64_t size)
{
    uint64_t set;
    if (!mask)
        return 0;
    if (size != sizeof(set))
        return -EINVAL;
    if (user_read(&set, mask, sizeof(set)) < 0)
        return -EFAULT;
    signal_mask_temporarily(set);
    return 0;
}

/* ---- poll */

static int64_t poll_fds(struct user_pollfd *fds, struct poll_entry *entries, uint32_t count,
                        int64_t deadline)
{
    struct fdtable *table = current()->process->fds;
    int64_t invalid = 0;
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct poll_entry){ .events = (uint16_t)fds[i].events };
        if (fds[i].fd >= 0)
            entries[i].file = fd_lookup(table, fds[i].fd);
        if (fds[i].fd >= 0 && !entries[i].file) {
            entries[i].revents = EPOLLNVAL;
            invalid++;
        }
    }
    int64_t r = poll_entries(entries, count, invalid ? 0 : deadline);
    for (uint32_t i = 0; i < count; i++) {
        fds[i].revents = (int16_t)entries[i].revents;
        file_put(entries[i].file);
    }
    return r < 0 ? r : r + invalid;
}

static int64_t do_poll(uaddr_t ufds, uint32_t count, int64_t deadline)
{
    struct user_pollfd few_fds[FEW], *fds = few_fds;
    struct poll_entry few_entries[FEW], *entries = few_entries;
    if (count > fd_limit())
        return -EINVAL;
    if (count > FEW) {
        fds = mem_alloc(count * sizeof(*fds));
        entries = mem_alloc(count * sizeof(*entries));
    }
    int64_t r = fds && entries ? user_read(fds, ufds, count * sizeof(*fds)) : -ENOMEM;
    if (r == 0)
        r = poll_fds(fds, entries, count, deadline);
    for (uint32_t i = 0; i < count && r >= 0;
         i++) /* only revents: other threads may own the rest */
        if (user_write(ufds + i * sizeof(*fds) + offsetof(struct user_pollfd, revents),
                       &fds[i].revents, sizeof(fds[i].revents)) < 0)
            r = -EFAULT;
    if (count > FEW) {
        mem_free(fds);
        mem_free(entries);
    }
    return r == -EINTR ? -ERESTARTNOHAND : r;
}

int64_t sys_poll(uaddr_t fds, unsigned count, int timeout)
{
    return do_poll(fds, count,
                   timeout < 0 ? PARK_FOREVER : timeout_after((int64_t)timeout * 1000000));
}

int64_t sys_ppoll(uaddr_t fds, unsigned count, uaddr_t timeout, uaddr_t mask, uint64_t mask_size)
{
    int64_t deadline;
    int64_t r = timeout_read_timespec(timeout, &deadline);
    if (r == 0)
        r = set_mask(mask, mask_size);
    if (r < 0)
        return r;
    r = do_poll(fds, count, deadline);
    timeout_write_timespec(timeout, deadline);
    return r;
}

/* ---- select: three bit sets; in, out, exceptional. Source: fs/select.c, POLLIN_SET and friends */

#define SELECT_IN  (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define SELECT_EX  EPOLLPRI

static const uint32_t select_events[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };

struct select_sets {
    uint64_t *word[3]; /* asked, then answered; NULL: not given */
    uint32_t words;
};

static bool asked(const struct select_sets *s, unsigned set, uint32_t fd)
{
    return s->word[set] && (s->word[set][fd / 64] >> (fd % 64) & 1);
}

static int64_t select_answer(struct select_sets *s, const struct poll_entry *entries,
                             const uint32_t *fd, uint32_t count)
{
    int64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned set = 0; set < 3; set++) {
            uint64_t bit = UINT64_C(1) << (fd[i] % 64);
            if (!asked(s, set, fd[i]))
                continue;
            if (entries[i].revents & select_events[set])
                bits++;
            else
                s->word[set][fd[i] / 64] &= ~bit;
        }
    }
    return bits;
}

static int64_t select_wait(struct select_sets *s, uint32_t n, struct poll_entry *entries,
                           uint32_t *fd, int64_t deadline)
{
    struct fdtable *table = current()->process->fds;
    uint32_t count = 0;
    int64_t r = 0;
    for (uint32_t i = 0; i < n && r == 0; i++) {
        uint32_t events = 0;
        for (unsigned set = 0; set < 3; set++)
            events |= asked(s, set, i) ? select_events[set] : 0;
        if (!events)
            continue;
        struct file *f = fd_lookup(table, (int)i);
        if (!f) {
            r = -EBADF;
            break;
        }
        fd[count] = i;
        entries[count++] = (struct poll_entry){ .file = f, .events = events };
    }
    if (r == 0)
        r = poll_entries(entries, count, deadline);
    if (r >= 0)
        r = select_answer(s, entries, fd, count);
    for (uint32_t i = 0; i < count; i++)
        file_put(entries[i].file);
    return r;
}

static uint32_t count_asked(const struct select_sets *s)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < s->words; w++) {
        uint64_t any = 0;
        for (unsigned set = 0; set < 3; set++)
            any |= s->word[set] ? s->word[set][w] : 0;
        for (; any; any &= any - 1) /* no popcount instruction is assumed */
            n++;
    }
    return n;
}

static int64_t select_with(struct select_sets *s, uint32_t n, int64_t deadline)
{
    struct poll_entry few_entries[FEW], *entries = few_entries;
    uint32_t few_fd[FEW], *fd = few_fd, count = count_asked(s);
    if (count > FEW) {
        entries = mem_alloc(count * sizeof(*entries));
        fd = mem_alloc(count * sizeof(*fd));
    }
    int64_t r = entries && fd ? select_wait(s, n, entries, fd, deadline) : -ENOMEM;
    if (count > FEW) {
        mem_free(entries);
        mem_free(fd);
    }
    return r;
}

static int64_t do_select(int n, const uaddr_t user[3], int64_t deadline)
{
    uint64_t few[3 * FEW], *words = few;
    if (n < 0)
        return -EINVAL;
    uint32_t count = MIN((uint32_t)n, fd_limit());
    struct select_sets s = { .words = (count + 63) / 64 };
    if (s.words > FEW) {
        words = mem_alloc(3 * s.words * sizeof(*words));
        if (!words)
            return -ENOMEM;
    }
    int64_t r = 0;
    for (unsigned i = 0; i < 3 && r == 0; i++) {
        if (!user[i])
            continue;
        s.word[i] = words + i * s.words;
        r = s.words ? user_read(s.word[i], user[i], s.words * 8) : 0;
        if (r == 0 && count % 64) /* bits from n on are not asked */
            s.word[i][count / 64] &= (UINT64_C(1) << (count % 64)) - 1;
    }
    if (r == 0)
        r = select_with(&s, count, deadline);
    for (unsigned i = 0; i < 3 && r >= 0; i++)
        if (s.word[i] && s.words && user_write(user[i], s.word[i], s.words * 8) < 0)
            r = -EFAULT;
    if (words != few)
        mem_free(words);
    return r == -EINTR ? -ERESTARTNOHAND : r;
}

int64_t sys_select(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t timeout)
{
    int64_t deadline;
    int64_t r = timeout_read_timeval(timeout, &deadline);
    if (r < 0)
        return r;
    r = do_select(n, (const uaddr_t[3]){ in, out, ex }, deadline);
    timeout_write_timeval(timeout, deadline);
    return r;
}

int64_t sys_pselect6(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t timeout, uaddr_t mask_arg)
{
    int64_t deadline;
    struct {
        uint64_t mask, size;
    } arg = { 0 };
    if (mask_arg && user_read(&arg, mask_arg, sizeof(arg)) < 0)
        return -EFAULT;
    int64_t r = timeout_read_timespec(timeout, &deadline);
    if (r == 0)
        r = set_mask(arg.mask, arg.size);
    if (r < 0)
        return r;
    r = do_select(n, (const uaddr_t[3]){ in, out, ex }, deadline);
    timeout_write_timespec(timeout, deadline);
    return r;
}
