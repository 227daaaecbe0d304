/*
 * The only instructions that touch the program's memory. Each returns the number of bytes NOT moved (0 =
 * all), or a flag; a fault between uaccess_start and uaccess_end goes on at the fault label of its
 * routine: enclave/uaccess.c's table tells which.
 */
    .text
    .globl uaccess_copy, uaccess_set, uaccess_load32, uaccess_cmpxchg32, uaccess_start, uaccess_end
    .globl uaccess_string, uaccess_probe, uaccess_copy_words, uaccess_store64
    .hidden uaccess_copy, uaccess_set, uaccess_load32, uaccess_cmpxchg32, uaccess_start, uaccess_end
    .hidden uaccess_string, uaccess_probe, uaccess_copy_words, uaccess_store64
    .globl uaccess_fault_count, uaccess_fault_flag
    .hidden uaccess_fault_count, uaccess_fault_flag

uaccess_start:
    /* size_t uaccess_copy(void *dst, const void *src, size_t size): returns bytes left */
    .type uaccess_copy, @function
uaccess_copy:
    movq %rdx, %rcx
    rep movsb
    movq %rcx, %rax
    ret

    /* size_t uaccess_copy_words(void *dst, const void *src, size_t words): returns words left */
    .type uaccess_copy_words, @function
uaccess_copy_words:
    movq %rdx, %rcx
    rep movsq
    movq %rcx, %rax
    ret

    /* size_t uaccess_set(void *dst, size_t size): zero; returns bytes left */
    .type uaccess_set, @function
uaccess_set:
    movq %rsi, %rcx
    xorl %eax, %eax
    rep stosb
    movq %rcx, %rax
    ret

    /* size_t uaccess_string(char *dst, const char *src, size_t size): copies up to and with NUL; returns
       bytes of size left after the NUL + 1, 0 when there was no NUL, SIZE_MAX on a fault */
    .type uaccess_string, @function
uaccess_string:
    movq %rdx, %rcx
1:  testq %rcx, %rcx
    jz 2f
    movb (%rsi), %al
    movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rcx
    testb %al, %al
    jnz 1b
    leaq 1(%rcx), %rax
    ret
2:  xorl %eax, %eax
    ret

    /* int uaccess_load32(const uint32_t *src, uint32_t *value) */
    .type uaccess_load32, @function
uaccess_load32:
    movl (%rdi), %eax
    movl %eax, (%rsi)
    xorl %eax, %eax
    ret

    /* int uaccess_store64(uint64_t *dst, uint64_t value) */
    .type uaccess_store64, @function
uaccess_store64:
    movq %rsi, (%rdi)
    xorl %eax, %eax
    ret

    /* int uaccess_cmpxchg32(uint32_t *word, uint32_t *expected, uint32_t desired) */
    .type uaccess_cmpxchg32, @function
uaccess_cmpxchg32:
    movl (%rsi), %eax
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    movl $0, %eax
    ret

    /* int uaccess_probe(void *p, int write): touch one byte */
    .type uaccess_probe, @function
uaccess_probe:
    testl %esi, %esi
    jnz 1f
    movb (%rdi), %al
    xorl %eax, %eax
    ret
1:  lock orb $0, (%rdi)
    xorl %eax, %eax
    ret
uaccess_end:

    /* Where a fault goes on: the return address is still on top of the stack. */
uaccess_fault_count:
    movq %rcx, %rax
    ret
uaccess_fault_flag:
    movq $-1, %rax
    ret

    .section .note.GNU-stack, "", @progbits
