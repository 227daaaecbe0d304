/*
 * System calls that may block, and the start of threads.
 *
 * host_blocking_syscall(pending, nr, args): test *pending, then make the call. A signal that comes
 * between the test and the syscall instruction would be lost until the call returns, perhaps never:
 * the handler looks whether RIP lies in [host_blocking_begin, host_blocking_syscall_insn] and goes on
 * at host_blocking_interrupted instead, which answers -EINTR.
 */
        .cfi_sections .debug_frame              /* for debuggers */
        .text
        .globl host_blocking_syscall, host_blocking_begin, host_blocking_insn, host_blocking_interrupted
        .globl host_thread_clone, host_restorer
        .hidden host_blocking_syscall, host_blocking_begin, host_blocking_insn, host_blocking_interrupted
        .hidden host_thread_clone, host_restorer

/* rdi = volatile uint64_t *pending, rsi = number, rdx = const uint64_t args[6] */
        .type host_blocking_syscall, @function
host_blocking_syscall:
        .cfi_startproc
        mov     %rdi, %rcx
        mov     %rsi, %rax
        mov     %rdx, %r11
        mov     0(%r11), %rdi
        mov     8(%r11), %rsi
        mov     16(%r11), %rdx
        mov     24(%r11), %r10
        mov     32(%r11), %r8
        mov     40(%r11), %r9
host_blocking_begin:
        cmpq    $0, (%rcx)
        jne     host_blocking_interrupted
host_blocking_insn:
        syscall
        ret
host_blocking_interrupted:
        mov     $-4, %rax                       /* -EINTR */
        ret
        .cfi_endproc
        .size host_blocking_syscall, . - host_blocking_syscall

/*
 * host_thread_clone(flags, stack, parent_tid, child_tid, entry, arg): the child calls entry(arg) on the
 * new stack and never returns. The parent gets the result of clone(2).
 */
        .type host_thread_clone, @function
host_thread_clone:
        .cfi_startproc
        and     $-16, %rsi
        mov     %rcx, %r10                      /* child_tid */
        mov     %r8, %r11
        sub     $16, %rsi
        mov     %r11, 0(%rsi)                   /* entry, arg: syscall overwrites r11 */
        mov     %r9, 8(%rsi)
        xor     %r8d, %r8d                      /* tls */
        mov     $56, %eax
        syscall
        test    %rax, %rax
        jz      1f
        ret
1:      .cfi_undefined %rip                     /* the outermost frame */
        xor     %ebp, %ebp
        pop     %rax
        pop     %rdi
        call    *%rax
        ud2
        .cfi_endproc
        .size host_thread_clone, . - host_thread_clone

        .type host_restorer, @function
host_restorer:
        mov     $15, %eax                       /* rt_sigreturn */
        syscall
        .size host_restorer, . - host_restorer

        .section .note.GNU-stack, "", @progbits
