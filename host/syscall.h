#ifndef HOST_SYSCALL_H
#define HOST_SYSCALL_H

/*
 * Linux system calls without libc: the serve loop runs on whatever FS base the program in the enclave
 * left behind, so nothing here touches errno or thread-local storage. Returns as the kernel does:
 * negative errno on failure.
 */
#include <asm/unistd.h>
#include <stdint.h>

static inline int64_t sys6(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                           uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    int64_t ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline int64_t sys4(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return sys6(nr, a, b, c, d, 0, 0);
}

static inline int64_t sys3(int64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
    return sys6(nr, a, b, c, 0, 0, 0);
}

static inline int64_t sys2(int64_t nr, uint64_t a, uint64_t b)
{
    return sys6(nr, a, b, 0, 0, 0, 0);
}

static inline int64_t sys1(int64_t nr, uint64_t a)
{
    return sys6(nr, a, 0, 0, 0, 0, 0);
}

static inline uint64_t address_of(const volatile void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static inline void *pointer_to(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

#endif
