/* System calls without a libc in between: no errno, no cancellation, no thread-local storage. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "fuzz.h"

/*
 * A clone, fork or clone3 that returns 0 is a child on whatever stack the arguments said: it ends
 * at once, without touching memory. (rax is 0 for other calls too: then it comes back.)
 */
__asm__(".text\n"
        ".globl raw6\n"
        ".type raw6, @function\n"
        "raw6:\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rcx\n"
        "    mov (%rcx), %rdi\n"
        "    mov 16(%rcx), %rdx\n"
        "    mov 24(%rcx), %r10\n"
        "    mov 32(%rcx), %r8\n"
        "    mov 40(%rcx), %r9\n"
        "    mov 8(%rcx), %rsi\n"
        "    cmp $56, %eax\n"
        "    je 1f\n"
        "    cmp $57, %eax\n"
        "    je 1f\n"
        "    cmp $58, %eax\n"
        "    je 1f\n"
        "    cmp $435, %eax\n"
        "    je 1f\n"
        "    syscall\n"
        "    ret\n"
        "1:  syscall\n"
        "    test %rax, %rax\n"
        "    jz 2f\n"
        "    ret\n"
        "2:  mov $60, %eax\n"
        "    xor %edi, %edi\n"
        "    syscall\n"
        "    jmp 2b\n"
        ".size raw6, . - raw6\n"
        ".globl raw_clone\n"
        ".type raw_clone, @function\n"
        "raw_clone:\n" /* flags, stack_top, tid, start, argument */
        "    mov %rcx, %r11\n"
        "    sub $16, %rsi\n"
        "    mov %r11, (%rsi)\n"
        "    mov %r8, 8(%rsi)\n"
        "    mov %rdx, %r10\n" /* child_tid */
        "    xor %r8d, %r8d\n"
        "    mov $56, %eax\n"
        "    syscall\n"
        "    test %eax, %eax\n"
        "    jz 1f\n"
        "    ret\n"
        "1:  pop %rax\n"
        "    pop %rdi\n"
        "    call *%rax\n"
        "2:  mov $60, %eax\n"
        "    syscall\n"
        "    jmp 2b\n"
        ".size raw_clone, . - raw_clone\n");

int64_t raw_call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                 uint64_t f)
{
    return raw6(nr, (const uint64_t[6]){ a, b, c, d, e, f });
}

static void say_list(const char *format, va_list list)
{
    char line[1024];
    int n = vsnprintf(line, sizeof(line), format, list);
    if (n > 0)
        RAW(SYS_write, LOG_FD, line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1);
}

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
}

void die(int status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
    for (;;)
        RAW(SYS_exit_group, status);
}

uint64_t now_ms(void)
{
    struct timespec t;
    RAW(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t rnd(struct slot *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545F4914F6CDD1Dull;
}
