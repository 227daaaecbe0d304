/* System calls in every shape that compilers and people write. Each returns rax; site_N has its own needs. */
    .text
    .macro SITE name
    .globl \name
    .type \name, @function
\name:
    .endm

SITE site_mov           /* the common one of libc: mov $imm32, %eax; syscall */
    mov $110, %eax
    syscall
    ret
SITE site_xor           /* the form for read: number 0; bad descriptor -> -EBADF */
    mov $-1, %edi
    xor %eax, %eax
    syscall
    ret
SITE site_bare          /* number in rdi, as libc's syscall() */
    mov %rdi, %rax
    syscall
    ret
SITE site_cmp           /* syscall; cmp $-4096, %rax; ja */
    mov %rdi, %rax
    syscall
    cmp $-4096, %rax
    ja 1f
    ret
1:  mov $-1, %rax
    ret
SITE site_cmp_imm       /* cmp $0xfffffffffffff001 with jae, after a mov */
    mov $110, %eax
    syscall
    cmp $-4095, %rax
    jae 1f
    ret
1:  mov $-1, %rax
    ret
SITE site_jmp           /* followed by a short jump */
    mov %rdi, %rax
    syscall
    jmp 1f
    ud2
1:  ret
SITE site_jmp_far       /* followed by a jump over more than 128 bytes */
    mov %rdi, %rax
    syscall
    jmp 1f
    .fill 300, 1, 0xcc
1:  ret
SITE site_test          /* test; js */
    mov %rdi, %rax
    syscall
    test %rax, %rax
    js 1f
    ret
1:  neg %rax
    ret
SITE site_load          /* followed by a load relative to rip */
    mov $110, %eax
    syscall
    mov site_word(%rip), %rcx
    add %rcx, %rax
    ret
SITE site_jump_on_it    /* something else jumps right on the syscall, past the mov */
    cmp $1, %rdi
    mov %rsi, %rax
    je 1f
    mov $110, %eax
1:  syscall
    ret
SITE site_jump_after    /* something else jumps to just after the syscall */
    mov $-77, %rax
    cmp $1, %rdi
    je 1f
    mov $110, %eax
    syscall
1:  nop
    ret
SITE site_two           /* two in a row */
    mov $110, %eax
    syscall
    mov $110, %eax
    syscall
    ret
SITE site_mov64         /* mov $imm32, %rax: seven bytes */
    mov $110, %rax
    syscall
    ret
SITE site_push          /* pushes after: stack is touched */
    mov $110, %eax
    syscall
    push %rbx
    pop %rbx
    ret
SITE site_call          /* followed by a call */
    mov $110, %eax
    syscall
    call 1f
    ret
1:  ret
SITE site_red_zone      /* a leaf that keeps data under its stack pointer */
    movq $0x5a5a5a5a, -8(%rsp)
    movq $0x6b6b6b6b, -128(%rsp)
    mov $110, %eax
    syscall
    cmpq $0x5a5a5a5a, -8(%rsp)
    jne 1f
    cmpq $0x6b6b6b6b, -128(%rsp)
    jne 1f
    ret
1:  mov $-1, %rax
    ret
SITE site_flags         /* flags survive (in r11 on Linux as well): carry and direction */
    stc
    mov $110, %eax
    syscall
    jnc 1f
    ret
1:  mov $-1, %rax
    ret
SITE site_registers     /* all but rax, rcx, r11 survive */
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov $1, %rbx
    mov $2, %rbp
    mov $3, %r12
    mov $4, %r13
    mov $5, %r14
    mov $6, %r15
    mov $7, %rdi
    mov $8, %rsi
    mov $9, %rdx
    mov $10, %r8
    mov $11, %r9
    mov $12, %r10
    mov $110, %eax
    syscall
    imul $3, %rbx
    imul $5, %rbp
    imul $7, %r12
    imul $11, %r13
    imul $13, %r14
    imul $17, %r15
    imul $19, %rdi
    imul $23, %rsi
    imul $29, %rdx
    imul $31, %r8
    imul $37, %r9
    imul $41, %r10
    mov %rbx, %rax
    add %rbp, %rax
    add %r12, %rax
    add %r13, %rax
    add %r14, %rax
    add %r15, %rax
    add %rdi, %rax
    add %rsi, %rax
    add %rdx, %rax
    add %r8, %rax
    add %r9, %rax
    add %r10, %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
SITE site_return_address /* rcx is the address after the syscall, r11 the flags */
    mov $110, %eax
    syscall
1:  lea 1b(%rip), %rax
    sub %rcx, %rax
    ret
    .p2align 6
    .fill 61, 1, 0x90
SITE site_across_line   /* mov ends one cache line, syscall lies in the next */
    nop
    nop
    mov %rdi, %rax
    syscall
    ret
    .data
site_word: .quad 0
    .section .note.GNU-stack, "", @progbits
