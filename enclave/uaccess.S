/*
 * The only instructions that touch the program's memory. Each returns the number of bytes NOT moved (0 =
 * all), or a flag. USER stands before each instruction that may fault and names where it then goes on.
 *
 * Exactly these, not a range of addresses: without EXINFO a fault is the host's word, and a host that claims one
 * at an instruction where rcx is not yet the count would make the caller believe in bytes that never moved.
 */
.macro USER goes_on
    .pushsection .rodata.uaccess, "a"
    .long 9f - .
    .long \goes_on - .
    .popsection
9:
.endm

    .section .rodata.uaccess, "a"
    .balign 4
    .globl uaccess_table, uaccess_table_end
    .hidden uaccess_table, uaccess_table_end
uaccess_table:

    .text
    .globl uaccess_copy, uaccess_set, uaccess_clear, uaccess_load32, uaccess_cmpxchg32
    .globl uaccess_string, uaccess_probe, uaccess_copy_words, uaccess_store64, uaccess_tsc
    .hidden uaccess_copy, uaccess_set, uaccess_clear, uaccess_load32, uaccess_cmpxchg32
    .hidden uaccess_string, uaccess_probe, uaccess_copy_words, uaccess_store64, uaccess_tsc

    /* size_t uaccess_copy(void *dst, const void *src, size_t size): returns bytes left */
    .type uaccess_copy, @function
uaccess_copy:
    movq %rdx, %rcx
    USER uaccess_fault_count
    rep movsb
    movq %rcx, %rax
    ret

    /* size_t uaccess_copy_words(void *dst, const void *src, size_t words): returns words left */
    .type uaccess_copy_words, @function
uaccess_copy_words:
    movq %rdx, %rcx
    USER uaccess_fault_count
    rep movsq
    movq %rcx, %rax
    ret

    /* size_t uaccess_set(void *dst, size_t size): zero; returns bytes left */
    .type uaccess_set, @function
uaccess_set:
    movq %rsi, %rcx
    xorl %eax, %eax
    USER uaccess_fault_count
    rep stosb
    movq %rcx, %rax
    ret

    /* The next eight bytes to rax; when one of them is NUL, to that label: bit 7 of its byte is the lowest in r10.
       r8 and r9 hold 0x01 and 0x80 in every byte. */
    .macro LOAD_WORD_TO_NUL found
    movq (%rsi), %rax
    movq %rax, %r10
    movq %rax, %r11
    subq %r8, %r10
    notq %r11
    andq %r11, %r10
    andq %r9, %r10
    jnz \found
    .endm

    /* size_t uaccess_string(char *dst, const char *src, size_t size): copies up to and with NUL; returns
       bytes of size left after the NUL + 1, 0 when there was no NUL, SIZE_MAX on a fault. Behind the NUL dst may
       get what stands behind it in src, within size. */
    .type uaccess_string, @function
uaccess_string:
    movq %rdx, %rcx
    movabsq $0x0101010101010101, %r8
    movabsq $0x8080808080808080, %r9
1:  cmpq $8, %rcx
    jb 2f
    testl $7, %esi
    jz 5f
    movl %esi, %eax
    andl $0xfff, %eax
    cmpl $0xff8, %eax           /* would the word reach into the next page? */
    ja 2f
    USER uaccess_fault_flag
    LOAD_WORD_TO_NUL 3f
    USER uaccess_fault_flag
    movq %rax, (%rdi)
    movl %esi, %eax             /* on to the next aligned word: what lies between is copied twice */
    negl %eax
    andl $7, %eax
    addq %rax, %rsi
    addq %rax, %rdi
    subq %rax, %rcx
    cmpq $8, %rcx
    jb 2f
    /* Eight bytes at a time as long as none of them is NUL: aligned, so never beyond the page of a byte that counts. */
5:  USER uaccess_fault_flag
    LOAD_WORD_TO_NUL 3f
    USER uaccess_fault_flag
    movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rcx
    cmpq $8, %rcx
    jae 5b
    /* Byte by byte: at the end of a page or of the room. */
2:  testq %rcx, %rcx
    jz 4f
    USER uaccess_fault_flag
    movb (%rsi), %al
    USER uaccess_fault_flag
    movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rcx
    testb %al, %al
    jnz 1b
    leaq 1(%rcx), %rax
    ret
    /* The NUL is in this word: the lowest byte that r10 marks. */
3:  USER uaccess_fault_flag
    movq %rax, (%rdi)
    bsfq %r10, %r10
    shrl $3, %r10d
    movq %rcx, %rax
    subq %r10, %rax
    ret
4:  xorl %eax, %eax
    ret

    /* int uaccess_load32(const uint32_t *src, uint32_t *value) */
    .type uaccess_load32, @function
uaccess_load32:
    USER uaccess_fault_flag
    movl (%rdi), %eax
    movl %eax, (%rsi)
    xorl %eax, %eax
    ret

    /* int uaccess_store64(uint64_t *dst, uint64_t value) */
    .type uaccess_store64, @function
uaccess_store64:
    USER uaccess_fault_flag
    movq %rsi, (%rdi)
    xorl %eax, %eax
    ret

    /* int uaccess_cmpxchg32(uint32_t *word, uint32_t *expected, uint32_t desired) */
    .type uaccess_cmpxchg32, @function
uaccess_cmpxchg32:
    movl (%rsi), %eax
    USER uaccess_fault_flag
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    movl $0, %eax
    ret

    /* int uaccess_probe(void *p, int write): touch one byte */
    .type uaccess_probe, @function
uaccess_probe:
    testl %esi, %esi
    jnz 1f
    USER uaccess_fault_flag
    movb (%rdi), %al
    xorl %eax, %eax
    ret
1:
    USER uaccess_fault_flag
    lock orb $0, (%rdi)
    xorl %eax, %eax
    ret

    /* int uaccess_tsc(void): 0 when RDTSC may be executed here; SGX1 has it #UD */
    .type uaccess_tsc, @function
uaccess_tsc:
    USER uaccess_fault_flag
    rdtsc
    xorl %eax, %eax
    ret

    /* size_t uaccess_clear(void *dst, size_t size): zero whole pages, of which only those are written that are
       not zero yet; returns bytes left (those of a page that faults halfway all count as left) */
    .type uaccess_clear, @function
uaccess_clear:
    movq %rsi, %r8
    testq %r8, %r8
    jz 4f
1:  movq %rdi, %rsi
    leaq 4096(%rdi), %rdx
2:  USER uaccess_fault_page
    movq (%rsi), %rax
    .irp at, 8, 16, 24, 32, 40, 48, 56
    USER uaccess_fault_page
    orq \at(%rsi), %rax
    .endr
    jnz 3f
    addq $64, %rsi
    cmpq %rdx, %rsi
    jne 2b
    movq %rdx, %rdi
    subq $4096, %r8
    jnz 1b
    jmp 4f
3:  xorl %eax, %eax
    movl $4096, %ecx
    USER uaccess_fault_page
    rep stosb
    subq $4096, %r8
    jnz 1b
4:  movq %r8, %rax
    ret

    /* Where a fault goes on: the return address is still on top of the stack. */
uaccess_fault_count:
    movq %rcx, %rax
    ret
uaccess_fault_page:
    movq %r8, %rax
    ret
uaccess_fault_flag:
    movq $-1, %rax
    ret

    .section .rodata.uaccess, "a"
uaccess_table_end:

    .section .note.GNU-stack, "", @progbits
