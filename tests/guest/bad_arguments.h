#ifndef TESTS_GUEST_BAD_ARGUMENTS_H
#define TESTS_GUEST_BAD_ARGUMENTS_H

/*
 * What the calls of bad_arguments.c find, the valid arguments of each row, and what is left out and
 * why. A row that is not in g_valid gets the default of each argument's kind.
 */
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

/* Descriptors, at the same numbers whatever happened before. */
enum {
    FILE_FD = 100,
    DIR_FD,
    PIPE_R,
    PIPE_W,
    SOCK,
    PEER,
    LISTEN,
    CLIENT,
    EVENT,
    EPOLL,
    TIMER,
    INOTIFY,
    SIGNAL,
    INET,
    PIDFD,
    PATHFD,
    READER,
    WRITER,
    PIPE2_R,
    PIPE2_W,
    FDS_END,
    INOTIFY_KEPT = 140,
    QUEUE,
    CLOSED_FD = 150,
    SPARE_FD = 151
};

/* Memory that calls read and write: filled anew for each, and nothing is mapped behind it. */
struct world {
    uint64_t mask, cpus, action[4];
    struct timespec zero, bad_time;
    struct timeval times[2], bad_day;
    struct sigevent event;
    struct iovec iov;
    struct msghdr message;
    struct mmsghdr messages;
    struct sockaddr_un address, peer;
    struct {
        int fd;
        short events, got;
    } poll;
    uint64_t set[16];
    struct epoll_event ready;
    struct rlimit limit;
    struct {
        uint64_t flags, mode, resolve;
    } how;
    struct {
        uint32_t size, policy;
        uint64_t more[5];
    } attr;
    struct {
        uint32_t version;
        int pid;
    } cap;
    siginfo_t info;
    struct {
        uint64_t value, address;
        uint32_t flags, zero;
    } wait;
    struct {
        uint64_t address, size;
    } masked;
    stack_t stack;
    struct {
        short type, whence;
        long start, length;
        int pid;
    } lock;
    struct mq_attr queue;
    struct sembuf up;
    struct {
        long type;
        char text[16];
    } mail;
    int64_t offset, offset2;
    int32_t size, number;
    uint8_t out[5000];
};

/* Values that are known only when the program runs. */
enum {
    S_WORLD = 0x51000000,
    S_FIELD = 0x52000000,
    S_SHM,
    S_SEM,
    S_MSG,
    S_TIMER,
    S_PID,
    S_FILE_PATH,
    S_DIR_PATH,
    S_NEW,
    S_LINK,
    S_SCRIPT,
    S_NAME
};
#define W(member) (S_WORLD + (long)offsetof(struct world, member))

struct valid {
    const char *name;
    long args[6];
};

/* clang-format off */
static const struct valid g_valid[] = {
    { "open", { S_FILE_PATH, 2, 0600 } }, { "openat", { -100, S_FILE_PATH, 2, 0600 } }, { "openat2", { -100, S_FILE_PATH, W(how), 24 } },
    { "close", { SPARE_FD } }, { "close_range", { 200, 210, 0 } },
    { "ioctl", { PIPE_R, FIONREAD, W(out) } }, { "fcntl", { FILE_FD, 5 /* F_GETLK */, W(lock) } }, { "flock", { FILE_FD, 5 /* LOCK_SH | LOCK_NB */ } },
    { "readv", { FILE_FD, W(iov), 1 } }, { "writev", { FILE_FD, W(iov), 1 } }, { "preadv", { FILE_FD, W(iov), 1 } }, { "pwritev", { FILE_FD, W(iov), 1 } },
    { "preadv2", { FILE_FD, W(iov), 1 } }, { "pwritev2", { FILE_FD, W(iov), 1 } },
    { "dup2", { FILE_FD, SPARE_FD } }, { "dup3", { FILE_FD, SPARE_FD } },
    { "sendfile", { PIPE_W, FILE_FD, W(offset), 16 } }, { "splice", { FILE_FD, W(offset), PIPE_W, 0, 16, 2 } },
    { "tee", { PIPE_R, PIPE2_W, 16, 2 } }, { "copy_file_range", { FILE_FD, W(offset), WRITER, W(offset2), 16, 0 } },
    { "vmsplice", { PIPE_W, W(iov), 1, SPLICE_F_NONBLOCK } },
    { "getdents", { DIR_FD, W(out), 4096 } }, { "getdents64", { DIR_FD, W(out), 4096 } }, { "getcwd", { W(out), 4096 } },
    { "chdir", { S_DIR_PATH } }, { "fchdir", { DIR_FD } }, { "rename", { S_FILE_PATH, S_NEW } }, { "mkdir", { S_NEW, 0700 } }, { "rmdir", { S_DIR_PATH } },
    { "creat", { S_NEW, 0600 } }, { "link", { S_FILE_PATH, S_NEW } }, { "symlink", { S_NAME, S_NEW } }, { "readlink", { S_LINK, W(out), 16 } },
    { "mknod", { S_NEW, S_IFREG | 0600, 0 } }, { "mknodat", { -100, S_NEW, S_IFREG | 0600, 0 } }, { "mkdirat", { -100, S_NEW, 0700 } },
    { "chroot", { S_DIR_PATH } }, { "utime", { S_FILE_PATH, W(zero) } }, { "utimes", { S_FILE_PATH, W(times) } }, { "futimesat", { -100, S_FILE_PATH, W(times) } },
    { "unlinkat", { -100, S_FILE_PATH, 0 } }, { "renameat", { -100, S_FILE_PATH, -100, S_NEW } }, { "renameat2", { -100, S_FILE_PATH, -100, S_NEW } },
    { "linkat", { -100, S_FILE_PATH, -100, S_NEW, 0 } }, { "symlinkat", { S_NAME, -100, S_NEW } }, { "readlinkat", { -100, S_LINK, W(out), 16 } },
    { "inotify_add_watch", { INOTIFY, S_FILE_PATH, IN_MODIFY } }, { "inotify_rm_watch", { INOTIFY, 1 } },
    { "statx", { -100, S_FILE_PATH, 0, 0x7ff, W(out) } }, { "access", { S_FILE_PATH, 4 } }, { "faccessat", { -100, S_FILE_PATH, 4 } }, { "faccessat2", { -100, S_FILE_PATH, 4 } },
    { "memfd_create", { S_NAME, 0 } }, { "fallocate", { FILE_FD, 0, 0, 4096 } }, { "ftruncate", { FILE_FD, 4096 } }, { "truncate", { S_FILE_PATH, 4096 } },
    { "poll", { W(poll), 1, 0 } }, { "ppoll", { W(poll), 1, W(zero), W(mask), 8 } }, { "select", { EVENT + 1, W(set), 0, 0, W(times) } },
    { "pselect6", { EVENT + 1, W(set), 0, 0, W(zero), W(masked) } },
    { "socket", { AF_UNIX, SOCK_STREAM, 0 } }, { "socketpair", { AF_UNIX, SOCK_STREAM, 0, W(out) } },
    { "connect", { SPARE_FD, W(peer), sizeof(struct sockaddr_un) } }, { "bind", { SPARE_FD, W(address), sizeof(struct sockaddr_un) } },
    { "accept", { LISTEN, W(out), W(size) } }, { "accept4", { LISTEN, W(out), W(size), 0 } }, { "listen", { LISTEN, 5 } },
    { "sendto", { SOCK, W(out), 16, MSG_DONTWAIT, 0, 0 } }, { "recvfrom", { SOCK, W(out), 16, MSG_DONTWAIT, W(peer), W(size) } },
    { "sendmsg", { SOCK, W(message), MSG_DONTWAIT } }, { "recvmsg", { SOCK, W(message), MSG_DONTWAIT } },
    { "sendmmsg", { SOCK, W(messages), 1, MSG_DONTWAIT } }, { "recvmmsg", { SOCK, W(messages), 1, MSG_DONTWAIT, W(zero) } },
    { "shutdown", { SOCK, 0 } }, { "getsockname", { SOCK, W(out), W(size) } }, { "getpeername", { SOCK, W(out), W(size) } },
    { "setsockopt", { INET, SOL_SOCKET, SO_REUSEADDR, W(number), 4 } }, { "getsockopt", { INET, SOL_SOCKET, SO_TYPE, W(out), W(size) } },
    { "epoll_create", { 1 } }, { "epoll_wait", { EPOLL, W(out), 1, 0 } }, { "epoll_pwait", { EPOLL, W(out), 1, 0, W(mask), 8 } },
    { "epoll_pwait2", { EPOLL, W(out), 1, W(zero), W(mask), 8 } }, { "epoll_ctl", { EPOLL, EPOLL_CTL_MOD, EVENT, W(ready) } },
    { "timerfd_settime", { TIMER, 0, W(zero), W(out) } }, { "timerfd_gettime", { TIMER, W(out) } },
    { "mmap", { 0, 4096, 3, MAP_PRIVATE, FILE_FD, 0 } }, { "mprotect", { S_FIELD, 4096, 3 } }, { "munmap", { S_FIELD, 4096 } },
    { "mremap", { S_FIELD, 4096, 4096, 0, 0 } }, { "msync", { S_FIELD, 4096, MS_SYNC } }, { "mincore", { S_FIELD, 4096, W(out) } },
    { "madvise", { S_FIELD, 4096, MADV_NORMAL } }, { "shmget", { IPC_PRIVATE, 4096, 0600 } }, { "shmat", { S_SHM, 0, 0 } },
    { "shmctl", { S_SHM, IPC_STAT, W(out) } }, { "shmdt", { S_FIELD } }, { "mlock", { S_FIELD, 4096 } }, { "munlock", { S_FIELD, 4096 } },
    { "semget", { IPC_PRIVATE, 2, 0600 } }, { "semop", { S_SEM, W(up), 1 } }, { "semtimedop", { S_SEM, W(up), 1, W(zero) } },
    { "semctl", { S_SEM, 0, IPC_STAT, W(out) } }, { "msgget", { IPC_PRIVATE, 0600 } }, { "msgsnd", { S_MSG, W(mail), 16, IPC_NOWAIT } },
    { "msgrcv", { S_MSG, W(out), 16, 0, IPC_NOWAIT } }, { "msgctl", { S_MSG, IPC_STAT, W(out) } },
    { "mq_open", { S_NAME, 2, 0600, W(queue) } }, { "mq_unlink", { S_NAME } }, { "mq_timedsend", { QUEUE, W(out), 16, 1, W(zero) } },
    { "mq_timedreceive", { QUEUE, W(out), 32, W(number), W(zero) } }, { "mq_notify", { QUEUE, W(event) } }, { "mq_getsetattr", { QUEUE, W(queue), W(out) } },
    { "mlockall", { MCL_CURRENT } }, { "mbind", { S_FIELD, 4096, 0, 0, 0, 0 } }, { "mlock2", { S_FIELD, 4096, 0 } },
    { "pkey_mprotect", { S_FIELD, 4096, 3, -1 } },
    { "rt_sigaction", { SIGUSR1, W(action), W(out), 8 } }, { "rt_sigprocmask", { SIG_BLOCK, W(mask), W(out), 8 } }, { "rt_sigpending", { W(out), 8 } },
    { "rt_sigtimedwait", { W(mask), W(out), W(zero), 8 } }, { "rt_sigsuspend", { W(mask), 8 } }, { "nanosleep", { W(zero), W(out) } },
    { "clock_nanosleep", { 1, 0, W(zero), W(out) } }, { "setitimer", { 0, W(zero), W(out) } }, { "rt_sigqueueinfo", { S_PID, SIGURG, W(info) } },
    { "rt_tgsigqueueinfo", { S_PID, S_PID, SIGURG, W(info) } }, { "sigaltstack", { W(stack), W(out) } }, { "pidfd_send_signal", { PIDFD, 0, 0, 0 } },
    { "execve", { S_SCRIPT, W(mask), W(mask) } }, { "getgroups", { 0, W(out) } }, { "setgroups", { 1, W(out) } }, { "capget", { W(cap), W(out) } },
    { "capset", { W(cap), W(out) } }, { "prctl", { PR_GET_NAME, W(out) } }, { "arch_prctl", { 0x1003 /* ARCH_GET_FS */, W(out) } },
    { "sched_setaffinity", { 0, 8, W(cpus) } }, { "sched_getaffinity", { 0, 128, W(out) } }, { "setrlimit", { RLIMIT_CORE, W(limit) } },
    { "prlimit64", { 0, RLIMIT_CORE, W(limit), W(out) } }, { "settimeofday", { W(bad_day), W(out) } }, { "clock_settime", { 1, W(bad_time) } },
    { "futex", { W(number), 0 /* FUTEX_WAIT */, 5, W(zero), 0, 0 } }, { "futex_waitv", { W(wait), 1, 0, W(zero), 1 } },
    { "timer_create", { 1, W(event), W(out) } }, { "timer_settime", { S_TIMER, 0, W(zero), W(out) } }, { "timer_gettime", { S_TIMER, W(out) } },
    { "timer_getoverrun", { S_TIMER } }, { "timer_delete", { S_TIMER } }, { "wait4", { -1, W(out), 1, W(out) } }, { "waitid", { 0, -1, W(out), 5, W(out) } },
    { "set_robust_list", { W(out), 24 } }, { "signalfd", { -1, W(mask), 8 } }, { "signalfd4", { -1, W(mask), 8, 0 } },
    { "sched_setattr", { 0, W(attr), 0 } }, { "sched_getattr", { 0, W(out), 48, 0 } }, { "getrandom", { W(out), 16, 0 } }, { "clone3", { W(out), 64 } },
    { "pidfd_getfd", { PIDFD, FILE_FD, 0 } }, { "clock_adjtime", { 0, W(out) } }, { "set_mempolicy", { 0, 0, 0 } }, { "get_mempolicy", { W(out), 0, 0, 0, 0 } },
    { "fsetxattr", { FILE_FD, S_NAME, W(out), 16, 0 } }, { "sched_setscheduler", { 0, 0, W(out) } }, { "sched_setparam", { 0, W(out) } },
};

/* What is not called: the row, the argument and the bad value (NULL: all of them), and why. */
static const struct { const char *row, *argument, *bad, *why; } g_left_out[] = {
    { "exit", 0, 0, "ends the thread" },
    { "exit_group", 0, 0, "ends the program" },
    { "clone", 0, 0, "makes a child natively; children are not supported, threads are tests/guest/threads.c" },
    { "rseq", 0, 0, "ENOSYS in an enclave; its own program is tests/guest/restartable.c" },
    { "personality", 0, 0, "natively every value is taken, and changes the process" },
    { "kill", "pid", "-1", "everybody: depends on who else is there" },
    { "settimeofday", "tv", "null", "sets the machine's time zone" },
    { "rt_sigtimedwait", "timeout", "null", "waits for ever" },
    { "munmap", "len", "INT_MAX+1", "unmaps what stands there by chance" },
    { "mremap", "old_len", "INT_MAX+1", "as munmap" },
    { "mmap", "len", "INT_MAX+1", "depends on the size of the enclave" },
    { "shmget", "size", "INT_MAX+1", "as mmap" },
    { "dup2 dup3", "to", "far", "depends on the limit" },
    /* what depends on the kernel's version */
    { "write writev sendfile", "fd out_fd", "event", "more than 8 bytes for an eventfd: taken by older kernels" },
    { "ioctl", "fd", "epoll", "epoll has commands of its own in newer kernels" },
    { "mremap", "new_len", "SIZE_MAX/2", "ENOMEM in older kernels" },
    { "fchmod fchown", "fd", "event epoll timer signals process", "EOPNOTSUPP in newer kernels only" },
    { "pread64 pwrite64 sendfile ftruncate fsetxattr fgetxattr fremovexattr flistxattr splice sync_file_range fallocate preadv pwritev preadv2 pwritev2 copy_file_range",
      "fd in_fd out_fd", "process", "pidfds are files of their own file system in newer kernels" },
    /* what depends on where things stand */
    { "read write pread64 pwrite64", "count", "INT_MAX+1", "the range may reach the library OS, and is EFAULT; Linux looks at what it touches" },
    { "sendto recvfrom", "size", "-1 SIZE_MAX/2 INT_MAX+1", "as read" },
    { "lseek", "offset", "LONG_MAX", "the file system's largest offset" },
    { "setpgid", "pid pgid", "0", "EPERM for the leader of a session, which the program is in Cloister" },
    { "munmap", "addr", "library OS", "nothing of the program's is there: unmapping nothing succeeds" },
    /* what is otherwise here by intent */
    { "shmat", "addr", "low kernel not canonical library OS", "only at the address the segment has: its pages cannot stand at two" },
    { "shmget", "flags", "all bits", "SHM_HUGETLB is ENOMEM" },
    { "mbind", "len", "SIZE_MAX/2 INT_MAX+1", "EFAULT for a range with holes, whatever the policy" },
    { "execve", "argv envp", "null", "the call is valid then, and only trusted files are run" },
    { "sendto recvfrom", "flags", 0, "a flag that is not supported is EOPNOTSUPP" },
    { "mmap", "fd", "inet socket", "TCP's zero-copy mapping: ENODEV" },
};
/* clang-format on */

#endif
