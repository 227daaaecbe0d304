#ifndef LIB_LINUX_SIGNAL_H
#define LIB_LINUX_SIGNAL_H

/*
 * Signals of the Linux x86-64 ABI: numbers, actions, siginfo, and the frame on the program's stack.
 * Sources: Linux include/uapi/asm-generic/{signal,siginfo}.h, arch/x86/include/uapi/asm/{sigcontext,ucontext}.h.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"

#define LINUX_NSIG 64
#define LINUX_SIGRTMIN 32

#ifndef SIGHUP
#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11
#define SIGUSR2   12
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGSTKFLT 16
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGIO     29
#define SIGPWR    30
#define SIGSYS    31
#endif

/* Signal n as a bit of a 64-bit set. */
#define SIGBIT(n) (UINT64_C(1) << ((n) - 1))

#define LINUX_SIG_DFL UINT64_C(0)
#define LINUX_SIG_IGN UINT64_C(1)

#define LINUX_SA_NOCLDSTOP      UINT64_C(0x00000001)
#define LINUX_SA_NOCLDWAIT      UINT64_C(0x00000002)
#define LINUX_SA_SIGINFO        UINT64_C(0x00000004)
#define LINUX_SA_UNSUPPORTED    UINT64_C(0x00000400)
#define LINUX_SA_EXPOSE_TAGBITS UINT64_C(0x00000800)
#define LINUX_SA_RESTORER       UINT64_C(0x04000000)
#define LINUX_SA_ONSTACK        UINT64_C(0x08000000)
#define LINUX_SA_RESTART        UINT64_C(0x10000000)
#define LINUX_SA_NODEFER        UINT64_C(0x40000000)
#define LINUX_SA_RESETHAND      UINT64_C(0x80000000)

/* As rt_sigaction takes it. */
struct linux_sigaction {
    uint64_t handler;  /* guest address, LINUX_SIG_DFL or LINUX_SIG_IGN */
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};
static_assert(sizeof(struct linux_sigaction) == 32, "uapi: struct sigaction on x86-64");

enum { LINUX_SIG_BLOCK = 0, LINUX_SIG_UNBLOCK = 1, LINUX_SIG_SETMASK = 2 };

/* si_code. */
enum {
    LINUX_SI_USER = 0,
    LINUX_SI_KERNEL = 0x80,
    LINUX_SI_QUEUE = -1,
    LINUX_SI_TIMER = -2,
    LINUX_SI_MESGQ = -3,
    LINUX_SI_ASYNCIO = -4,
    LINUX_SI_SIGIO = -5,
    LINUX_SI_TKILL = -6,
};
enum { LINUX_POLL_IN = 1, LINUX_POLL_OUT = 2, LINUX_POLL_MSG = 3, LINUX_POLL_HUP = 6 };
enum { LINUX_ILL_ILLOPC = 1, LINUX_ILL_ILLOPN = 2 };
enum { LINUX_FPE_INTDIV = 1, LINUX_FPE_INTOVF, LINUX_FPE_FLTDIV, LINUX_FPE_FLTOVF, LINUX_FPE_FLTUND, LINUX_FPE_FLTRES, LINUX_FPE_FLTINV, LINUX_FPE_FLTSUB };
enum { LINUX_SEGV_MAPERR = 1, LINUX_SEGV_ACCERR = 2 };
enum { LINUX_BUS_ADRALN = 1, LINUX_BUS_ADRERR = 2, LINUX_BUS_OBJERR = 3 };
enum { LINUX_TRAP_BRKPT = 1, LINUX_TRAP_TRACE = 2 };
enum { LINUX_CLD_EXITED = 1, LINUX_CLD_KILLED, LINUX_CLD_DUMPED, LINUX_CLD_TRAPPED, LINUX_CLD_STOPPED, LINUX_CLD_CONTINUED };

struct linux_siginfo {
    int32_t signo, error, code, pad;
    union {
        uint8_t bytes[112];
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value; /* union sigval */
        } rt;               /* kill, tkill, sigqueue */
        struct {
            int32_t id, overrun;
            uint64_t value;
            int32_t private_;
        } timer;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status, pad2;
            int64_t utime, stime;
        } child;
        struct {
            uint64_t address;
            int16_t lsb;
        } fault;
        struct {
            int64_t band;
            int32_t fd;
        } poll;
        struct {
            uint64_t address;
            int32_t nr;
            uint32_t arch;
        } sys;
    } u;
};
static_assert(sizeof(struct linux_siginfo) == 128, "uapi: SI_MAX_SIZE");
static_assert(offsetof(struct linux_siginfo, u) == 16, "uapi: struct siginfo on x86-64");

/* As signalfd's read gives it. */
struct linux_signalfd_siginfo {
    uint32_t signo;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, int_;
    uint64_t ptr, utime, stime, addr;
    uint16_t addr_lsb, pad2;
    int32_t syscall;
    uint64_t call_addr;
    uint32_t arch;
    uint8_t pad[28];
};
static_assert(sizeof(struct linux_signalfd_siginfo) == 128, "uapi: struct signalfd_siginfo");

struct linux_stack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};
enum { LINUX_SS_ONSTACK = 1, LINUX_SS_DISABLE = 2 };
#define LINUX_SS_AUTODISARM (UINT32_C(1) << 31)
#define LINUX_MINSIGSTKSZ 2048

/* sigevent's first fields, for timer_create. */
struct linux_sigevent {
    uint64_t value;
    int32_t signo, notify, tid;
    uint8_t pad[44];
};
static_assert(sizeof(struct linux_sigevent) == 64, "uapi: SIGEV_MAX_SIZE");
enum { LINUX_SIGEV_SIGNAL = 0, LINUX_SIGEV_NONE = 1, LINUX_SIGEV_THREAD = 2, LINUX_SIGEV_THREAD_ID = 4 };

struct linux_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2, fpstate;
    uint64_t reserved[8];
};
static_assert(sizeof(struct linux_sigcontext) == 256, "uapi: struct sigcontext_64");

#define LINUX_UC_FP_XSTATE         1u
#define LINUX_UC_SIGCONTEXT_SS     2u
#define LINUX_UC_STRICT_RESTORE_SS 4u

struct linux_ucontext {
    uint64_t flags, link;
    struct linux_stack stack;
    struct linux_sigcontext mcontext;
    uint64_t sigmask;
};
static_assert(offsetof(struct linux_ucontext, mcontext) == 40, "uapi: struct ucontext");
static_assert(offsetof(struct linux_ucontext, sigmask) == 296, "uapi: struct ucontext");

/* What the handler's rsp points to. */
struct linux_rt_sigframe {
    uint64_t pretcode;
    struct linux_ucontext uc;
    struct linux_siginfo info;
};
static_assert(sizeof(struct linux_rt_sigframe) == 440, "arch/x86/include/asm/sigframe.h");

/* Marks the extended state in a frame: at FP_SW_BYTES of the FXSAVE area, and a word after the XSAVE area. */
#define LINUX_FP_XSTATE_MAGIC1 UINT32_C(0x46505853)
#define LINUX_FP_XSTATE_MAGIC2 UINT32_C(0x46505845)
#define LINUX_FP_SW_BYTES      464
struct linux_fp_sw {
    uint32_t magic1, extended_size;
    uint64_t xfeatures;
    uint32_t xstate_size, padding[7];
};
static_assert(sizeof(struct linux_fp_sw) == 48, "uapi: struct _fpx_sw_bytes");

#endif
