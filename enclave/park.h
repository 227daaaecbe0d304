#ifndef ENCLAVE_PARK_H
#define ENCLAVE_PARK_H

/*
 * Sleeping and waking, the one primitive under every wait in libos.
 *
 * Each thread has a token. park() takes it or sleeps until thread_unpark() leaves one, the deadline
 * passes, or a host event becomes pending. Wake-ups may be spurious: callers loop over their condition.
 * An unpark before the park is not lost.
 */
#include <stdbool.h>
#include <stdint.h>

struct thread_block;

#define PARK_FOREVER INT64_MAX

/* deadline: CLOCK_MONOTONIC ns as clock_monotonic() counts. Returns 0, -ETIMEDOUT, or -EINTR (host event pending). */
int park(int64_t deadline);
void unpark(struct thread_block *tb);

/*
 * For changes that no running thread may see half done. Between park_hold() and park_let_go() a thread that
 * park_is_asleep() found in park() stays there, even when it is woken. Short: those that wake up spin.
 */
void park_hold(void);
void park_let_go(void);
bool park_is_asleep(const struct thread_block *tb);

/* struct pollfd of the Linux ABI. */
struct park_pollfd {
    int32_t fd;
    int16_t events, revents;
};

/*
 * Like park(), but host descriptors becoming ready ends the sleep too. fds[count] must have room for one
 * more entry (used inside for the wake descriptor). Returns the number of ready entries (0: token),
 * -ETIMEDOUT, -EINTR. revents are the host's word: only hints.
 */
int park_poll(struct park_pollfd *fds, uint32_t count, int64_t deadline);

/*
 * park() in a host epoll instance in which park_wake_fd() is registered for EPOLLIN | EPOLLET: then its events end the
 * sleep too. events[max] is an array of struct epoll_event of the Linux ABI. Returns how many were filled in (0: token),
 * -ETIMEDOUT, -EINTR. One call of the host, whatever ends it; a millisecond at most later than the deadline.
 */
int64_t park_epoll(int epoll_fd, void *events, uint32_t max, int64_t deadline);
/* The descriptor of the calling thread that unpark() writes to; never closed. Or a negative errno. */
int park_wake_fd(void);
/* Another thread was told by the host of what unpark() wrote for tb, which may sleep in the same epoll. */
void park_wake_again(struct thread_block *tb);

/*
 * ppoll() of host descriptors; timeout NULL: for ever. Only revents are taken from the host, and of them only what was
 * asked for, errors, and hang-ups. Returns the number of entries with revents, or a negative errno.
 */
struct linux_timespec;
int64_t park_ask(struct park_pollfd *fds, uint32_t count, const struct linux_timespec *timeout);

#endif
