/*
 * Going back to the system-call instruction. It stands just before the return address, or the call came
 * from a trampoline (libos/exec/rewrite.c), which is then run again.
 */
#include "libos/signal/restart.h"

#include "enclave/cpu.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/exec/rewrite.h"

#define SYSCALL_SIZE 2

void restart_rewind(struct cpu_regs *regs, uint64_t nr)
{
    static const uint8_t instruction[SYSCALL_SIZE] = { 0x0f, 0x05 };
    uint8_t code[SYSCALL_SIZE];
    uint64_t trampoline = rewrite_rewind(regs->rip);
    if (trampoline) {
        regs->rip = trampoline;
        regs->rax = nr;
        regs->full = 1;
        return;
    }
    if (user_read(code, regs->rip - SYSCALL_SIZE, sizeof(code)) || memcmp(code, instruction, sizeof(code))) {
        regs->rax = (uint64_t)-EINTR; /* execute-only or changed code: the program must try again itself */
        return;
    }
    regs->rip -= SYSCALL_SIZE;
    regs->rax = nr;
    regs->full = 1;
}
