/*
 * Catching the program's system calls on kernels without Syscall User Dispatch (before 5.11): seccomp-BPF
 * by instruction pointer. Start-up only.
 */
#include "host/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/signals.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

#define LOAD(field_offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field_offset)
#define IP_LOW  offsetof(struct seccomp_data, instruction_pointer)
#define IP_HIGH (offsetof(struct seccomp_data, instruction_pointer) + 4)

bool seccomp_not_needed(void)
{
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, 0 /* PR_SYS_DISPATCH_OFF */, 0, 0, 0) == 0;
}

/*
 * 64-bit comparison in 32-bit steps: trap unless low <= ip < high.
 * Jump distances count instructions that are skipped.
 */
int seccomp_install(void)
{
    uint64_t low, size;
    signals_own_text(&low, &size);
    uint64_t high = low + size;
    uint32_t lh = (uint32_t)(low >> 32), ll = (uint32_t)low, hh = (uint32_t)(high >> 32), hl = (uint32_t)high;
    struct sock_filter code[] = {
        /* 0 */ LOAD(IP_HIGH),
        /* 1 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, lh, 3, 0),  /* above: to 5 */
        /* 2 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lh, 0, 7),  /* below: trap at 10 */
        /* 3 */ LOAD(IP_LOW),
        /* 4 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ll, 0, 5),  /* below: trap at 10 */
        /* 5 */ LOAD(IP_HIGH),
        /* 6 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, hh, 3, 0),  /* above: trap at 10 */
        /* 7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, hh, 0, 3),  /* below: allow at 11 */
        /* 8 */ LOAD(IP_LOW),
        /* 9 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, hl, 0, 1),  /* below: allow at 11 */
        /* 10 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        /* 11 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
        return -errno;
    return 0;
}
