/*
 * lib/crypto as the image links it: static PIE, no libc, XSAVE around vector code. Runs known answers
 * with FS base 0 (any %fs access faults) and checks that vector registers survive. Exit status 0, or
 * the number of the step that failed.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/rsa3.h"
#include "lib/crypto/sha256.h"

struct rela {
    uint64_t offset, info;
    int64_t addend;
};
struct dyn {
    int64_t tag;
    uint64_t value;
};

extern struct dyn _DYNAMIC[] __attribute__((visibility("hidden")));
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
_Noreturn void start_c(void);

static _Noreturn void leave(int status)
{
    __asm__ volatile("syscall" : : "a"(231), "D"(status) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

_Noreturn void panic(const char *file, int line, const char *what)
{
    leave(99);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *d = dst;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        return memcpy(dst, src, n);
    for (uint8_t *d = dst; n--;)
        d[n] = ((const uint8_t *)src)[n];
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    void *d = dst;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s);
size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static void relocate(void)
{
    uint64_t base = (uint64_t)__ehdr_start, rela = 0, size = 0;
    for (struct dyn *d = _DYNAMIC; d->tag; d++) {
        if (d->tag == 7)
            rela = d->value;
        else if (d->tag == 8)
            size = d->value;
    }
    for (uint64_t i = 0; i < size; i += sizeof(struct rela)) {
        struct rela *r = (struct rela *)(base + rela + i);
        if ((r->info & 0xffffffff) != 8) /* R_X86_64_RELATIVE */
            leave(98);
        *(uint64_t *)(base + r->offset) = base + (uint64_t)r->addend;
    }
}

static void expect(int step, const void *got, const void *want, size_t size)
{
    if (memcmp(got, want, size))
        leave(step);
}

static const uint8_t sha_abc[32] = "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                                   "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
static const uint8_t cmac_empty[16] = "\xbb\x1d\x69\x29\xe9\x59\x37\x28\x7f\xa3\x7d\x12\x9b\x75\x67\x46";
static const uint8_t cmac_key[16] = "\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c";
static const uint8_t gcm_zero_tag[16] = "\xab\x6e\x47\xd4\x2c\xec\x13\xbd\xf5\x3a\x67\xb2\x12\x57\xbd\xdf";
static const uint8_t hmac_jefe[32] = "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
                                     "\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43";

static void known_answers(int step)
{
    static const uint8_t zero[16];
    static uint8_t large[16384], copy[16384], many[33][32];
    uint8_t out[64], tag[16];

    sha256_digest("abc", 3, out);
    expect(step + 1, out, sha_abc, 32);
    aes128_cmac(cmac_key, "", 0, out);
    expect(step + 2, out, cmac_empty, 16);
    aes128_gcm_seal(zero, zero, NULL, 0, zero, 16, out, tag);
    expect(step + 3, tag, gcm_zero_tag, 16);
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    expect(step + 4, out, hmac_jefe, 32);
    aes128_gcm_seal(zero, zero, zero, 16, large, sizeof(large), copy, tag);
    if (aes128_gcm_open(zero, zero, zero, 16, copy, sizeof(copy), copy, tag))
        leave(step + 5);
    expect(step + 5, copy, large, sizeof(copy));
    sha256_blocks(large, 448, 33, many);
    for (int i = 0; i < 33; i++) {
        sha256_digest(large, 448, out);
        expect(step + 6, many[i], out, 32);
    }
    hkdf_sha256("x", 1, NULL, 0, "y", 1, out, 64);
    if (rsa3_verify(large, large, large, large, out) == 0)
        leave(step + 7);
}

static void vector_registers_survive(int step)
{
    static const uint8_t pattern[32] = "these thirty-two bytes must stay";
    uint8_t after[32], out[32];
    uint32_t control = 0x7f80, seen; /* round to zero */

    __asm__ volatile("vmovdqu %0, %%ymm9; ldmxcsr %1" : : "m"(pattern), "m"(control));
    known_answers(step);
    sha256_digest(pattern, 32, out);
    __asm__ volatile("vmovdqu %%ymm9, %0; stmxcsr %1" : "=m"(after), "=m"(seen));
    expect(step + 8, after, pattern, 32);
    if (seen != control)
        leave(step + 9);
}

_Noreturn void start_c(void)
{
    uint32_t have = crypto_features_detect();

    relocate();
    if (crypto_init(have))
        leave(1);
    known_answers(10);
    if (have & CRYPTO_AVX2)
        vector_registers_survive(20);
    if (crypto_init(CRYPTO_AES))
        leave(2);
    known_answers(40);
    leave(0);
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall start_c\n");
