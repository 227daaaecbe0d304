/*
 * The C library's memory functions, which the compiler may call at any time. General registers
 * only: string instructions are the fastest way without vector registers on every CPU that has SGX2
 * (FSRM).
 */
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#if !__STDC_HOSTED__ /* bytes.h names the compiler's own there */
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#endif

/* Loads and stores of any address that are never calls of what stands below. */
struct word {
    uint64_t v;
} __attribute__((packed, may_alias));
struct half {
    uint32_t v;
} __attribute__((packed, may_alias));

static uint64_t load(const void *p)
{
    return ((const struct word *)p)->v;
}

static void store(void *p, uint64_t v)
{
    ((struct word *)p)->v = v;
}

/* Starting a string instruction takes longer than a few moves: whole words, the last one overlapping. */
#define SMALL 32u

static void copy_small(uint8_t *d, const uint8_t *s, size_t size)
{
    if (size >= 8) {
        uint64_t last = load(s + size - 8);
        for (size_t at = 0; at + 8 < size; at += 8)
            store(d + at, load(s + at));
        store(d + size - 8, last);
    } else if (size >= 4) {
        uint32_t first = ((const struct half *)s)->v, last = ((const struct half *)(s + size - 4))->v;
        ((struct half *)d)->v = first;
        ((struct half *)(d + size - 4))->v = last;
    } else {
        for (size_t at = 0; at < size; at++)
            d[at] = s[at];
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
    void *d = dst;
    if (size <= SMALL)
        copy_small(dst, src, size);
    else
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(size) : : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= size) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(size) : : "memory");
        return dst;
    }
    while (size >= 8) {
        size -= 8;
        store(d + size, load(s + size));
    }
    while (size--)
        d[size] = s[size];
    return dst;
}

void *memset(void *dst, int byte, size_t size)
{
    void *d = dst;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(size) : "a"(byte) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;
    for (; size >= 8 && load(x) == load(y); size -= 8) {
        x += 8;
        y += 8;
    }
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

/* Whole words: aligned, so never beyond the page of a byte that counts; beyond the string, which a
 * sanitizer would not like. */
__attribute__((no_sanitize("address"))) size_t strlen(const char *s)
{
    const char *p = s;
    for (; (uintptr_t)p & 7; p++)
        if (!*p)
            return (size_t)(p - s);
    for (;; p += 8) {
        uint64_t w = ((const struct word *)p)->v;
        uint64_t zero = (w - UINT64_C(0x0101010101010101)) & ~w & UINT64_C(0x8080808080808080);
        if (zero)
            return (size_t)(p - s) + ((unsigned)__builtin_ctzl(zero) >> 3);
    }
}
