/*
 * The machine part of the test image: the enclave's door, the way out and back, and register checks.
 * On the thread page (GS): 0x100 enclave rsp, 0x108 where to EEXIT to, 0x110 host rsp, 0x118 host rbp,
 * 0x120 mask of the last ENTER_RETURN.
 */
        .macro ENCLU
        .pushsection .enclu_table, "a"
        .long 1f - .
        .popsection
1:      .byte 0x0f, 0x01, 0xd7
        .fill 13, 1, 0x90
        .endm

        .section .note.cloister, "a", @note
        .balign 8
        .long 9, 32, 1
        .asciz "Cloister"
        .balign 8
note:   .quad enclave_entry - .
        .quad enclu_table - .
        .quad (enclu_table_end - enclu_table) / 4
        .quad 0
        .section .enclu_table, "a"
enclu_table:
        .text

        .globl _start, enclave_entry, image_exit_call, image_enclu, image_test_registers
        .hidden _start, enclave_entry, image_exit_call, image_enclu, image_test_registers
_start: ud2

enclave_entry:
        cmp     $1, %rax
        je      event
        cmp     $3, %rdi                        /* ENTER_RETURN */
        je      returned
        mov     %rcx, %gs:0x108
        mov     %rsp, %gs:0x110
        mov     %rbp, %gs:0x118
        mov     %gs:0x08, %rsp
        xor     %ebp, %ebp
        cld
        push    $0
        jmp     image_main                      /* (reason, argument) */

returned:
        mov     %rcx, %gs:0x108
        mov     %rdx, %gs:0x120
        mov     %rsi, %rax
        mov     %gs:0x100, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret

/* rdi = exit reason, rsi = frame; returns the host's answer */
image_exit_call:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %gs:0x100
        mov     %gs:0x108, %rbx
        mov     %gs:0x110, %rsp
        mov     %gs:0x118, %rbp
        mov     $4, %eax
        ENCLU
        ud2

/* CSSA 1: rsi signal, rdx address; the stack is a corner of the thread's own */
event:
        mov     %rsp, %r12
        mov     %rbp, %r13
        mov     %rcx, %rbx
        mov     %gs:0x10, %rsp
        add     $32768, %rsp
        mov     %rsi, %rdi
        mov     %rdx, %rsi
        mov     %gs:0x18, %rdx
        cld
        call    image_event                     /* (signal, address, ssa) */
        mov     $2, %edi                        /* EXIT_EVENT_DONE */
        mov     %r12, %rsp
        mov     %r13, %rbp
        mov     $4, %eax
        ENCLU
        ud2

/* (leaf, rbx, rcx, rdx) -> rax; flags' ZF in the second result (rdx) */
image_enclu:
        push    %rbx
        mov     %rcx, %r8
        mov     %edi, %eax
        mov     %rsi, %rbx
        mov     %rdx, %rcx
        mov     %r8, %rdx
        ENCLU
        mov     $0, %edx
        setz    %dl
        pop     %rbx
        ret

/*
 * (kind): fill all general and vector registers with known values, make an exception or wait for a
 * signal, check that all have kept their values. Returns 0, or the number of the register that has not.
 *   0 ud2   1 syscall   2 int3   3 wait until g_events changes   4 divide by zero   5 wild jump
 */
        .macro CHECK reg, value, number
        cmp     $\value, \reg
        mov     $\number, %eax
        jne     9f
        .endm
image_test_registers:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        lea     g_pattern(%rip), %rax
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu 32*\n(%rax), %ymm\n
        .endr
        mov     g_events(%rip), %r10
        mov     $0x1001, %ebx
        mov     $0x1003, %edx
        mov     $0x1004, %esi
        mov     $0x1005, %ebp
        mov     $0x1006, %r8d
        mov     $0x1007, %r9d
        mov     $0x1009, %r12d
        mov     $0x100a, %r13d
        mov     $0x100b, %r14d
        mov     $0x100c, %r15d
        cmp     $1, %edi
        je      1f
        cmp     $2, %edi
        je      2f
        cmp     $3, %edi
        je      3f
        cmp     $4, %edi
        je      4f
        cmp     $5, %edi
        je      5f
        stc
        ud2
        jnc     8f
        jmp     7f
1:      mov     $39, %eax                       /* getpid, but an exception */
        syscall
        jmp     7f
2:      int3
        jmp     7f
3:      cmp     g_events(%rip), %r10
        je      3b
        jmp     7f
4:      xor     %ecx, %ecx
        mov     $0, %edx
        mov     $7, %eax
        div     %ecx                            /* two bytes */
        mov     $0x1003, %edx
        jmp     7f
5:      mov     $0x700000001000, %rax
        lea     7f(%rip), %r11
        jmp     *%rax                           /* outside the enclave: image_event puts rip to r11 */
7:      CHECK   %rbx, 0x1001, 1
        CHECK   %rdx, 0x1003, 2
        CHECK   %rsi, 0x1004, 3
        CHECK   %rbp, 0x1005, 4
        CHECK   %r8, 0x1006, 5
        CHECK   %r9, 0x1007, 6
        CHECK   %r12, 0x1009, 7
        CHECK   %r13, 0x100a, 8
        CHECK   %r14, 0x100b, 9
        CHECK   %r15, 0x100c, 10
        lea     g_pattern(%rip), %rcx
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        mov     $(100 + \n), %eax
        vpxor   32*\n(%rcx), %ymm\n, %ymm\n
        vptest  %ymm\n, %ymm\n
        jnz     9f
        .endr
        xor     %eax, %eax
        jmp     9f
8:      mov     $99, %eax
9:      vzeroall
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret

        .section .enclu_table, "a"
enclu_table_end:
        .section .note.GNU-stack, "", @progbits
