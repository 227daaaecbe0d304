/*
 * Entering the image in a plain process, its threads, and the only system calls it makes itself.
 */
#include "enclave/thread_block.h"

    .cfi_sections .debug_frame /* for debuggers */
    .text
    .globl direct_entry, direct_syscall, direct_syscall_blocking, direct_restorer, direct_clone
    .globl direct_thread_end, direct_block_start, direct_block_end, direct_block_interrupted
    .hidden direct_entry, direct_syscall, direct_syscall_blocking, direct_restorer, direct_clone
    .hidden direct_thread_end, direct_block_start, direct_block_end, direct_block_interrupted

    .type direct_entry, @function
direct_entry:
    .cfi_startproc simple
    .cfi_undefined %rip         /* the outermost frame */
    xorl %ebp, %ebp
    andq $-16, %rsp
    call direct_main
    ud2
    .cfi_endproc

    /* int64_t direct_syscall(nr, const uint64_t r[6]) */
    .type direct_syscall, @function
direct_syscall:
    .cfi_startproc
    movq %rdi, %rax
    movq %rsi, %r11
    movq 0(%r11), %rdi
    movq 8(%r11), %rsi
    movq 16(%r11), %rdx
    movq 24(%r11), %r10
    movq 32(%r11), %r8
    movq 40(%r11), %r9
    syscall
    ret
    .cfi_endproc

    /* The same for calls that may block: -EINTR when an event is pending. An event that arrives between
       the look and the syscall instruction sends the thread to direct_block_interrupted. */
    .type direct_syscall_blocking, @function
direct_syscall_blocking:
    .cfi_startproc
    movq %rdi, %rax
    movq %rsi, %r11
    movq 0(%r11), %rdi
    movq 8(%r11), %rsi
    movq 16(%r11), %rdx
    movq 24(%r11), %r10
    movq 32(%r11), %r8
    movq 40(%r11), %r9
direct_block_start:
    cmpq $0, %gs:TB_PENDING
    jne direct_block_interrupted
    syscall
direct_block_end:
    ret
direct_block_interrupted:
    movq $-4, %rax
    ret
    .cfi_endproc

direct_restorer:
    movl $15, %eax              /* rt_sigreturn */
    syscall

    /* int64_t direct_clone(flags, stack, int *ptid, int *ctid, struct thread_block *) */
    .type direct_clone, @function
direct_clone:
    .cfi_startproc
    movq %rcx, %r10
    movq %r8, %r9
    xorl %r8d, %r8d
    movl $56, %eax
    syscall
    testq %rax, %rax
    jz 1f
    ret
1:  .cfi_undefined %rip
    xorl %ebp, %ebp
    movq %r9, %rdi
    wrgsbase %r9
    call direct_thread_main
    ud2
    .cfi_endproc

    /* The thread ends; its stack may be given to another at once, so no stack is touched. */
    .type direct_thread_end, @function
direct_thread_end:
    xorl %edi, %edi
    movl $60, %eax
    syscall
    ud2

    .section .note.GNU-stack, "", @progbits
