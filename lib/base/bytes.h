#ifndef LIB_BASE_BYTES_H
#define LIB_BASE_BYTES_H

/*
 * Bytes in memory: copy, compare, wipe, little- and big-endian loads and stores.
 *
 * mem* are the C library's; in the freestanding image enclave/mem.c defines them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/*
 * Freestanding, the compiler takes these for functions of ours and calls them for every eight bytes; by their other
 * names it knows what they do, and small constant sizes become plain moves.
 */
#if !__STDC_HOSTED__
#define memcpy(dst, src, size)  __builtin_memcpy(dst, src, size)
#define memmove(dst, src, size) __builtin_memmove(dst, src, size)
#define memset(dst, byte, size) __builtin_memset(dst, byte, size)
#define memcmp(a, b, size)      __builtin_memcmp(a, b, size)
#endif

#define ARRAY_COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)    (((x) + ((a)-1)) & ~((a)-1))
#define ALIGN_DOWN(x, a)  ((x) & ~((a)-1))
#define IS_ALIGNED(x, a)  (((x) & ((a)-1)) == 0)
#define MIN(a, b)         ((a) < (b) ? (a) : (b))
#define MAX(a, b)         ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define PAGE_SIZE UINT64_C(4096)

/* Overwrite secrets; never optimised away. */
static inline void bytes_wipe(void *p, size_t size)
{
    memset(p, 0, size);
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* Compare without a data-dependent branch: for MACs, keys and hashes of secrets. */
static inline bool bytes_equal_ct(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < size; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    __asm__ volatile("" : "+r"(diff));
    return diff == 0;
}

static inline bool bytes_are_zero(const void *p, size_t size)
{
    const uint8_t *x = p;
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= x[i];
    return any == 0;
}

/* __builtin_memcpy, because with -ffreestanding a plain memcpy of two to eight bytes is a call. */
static inline uint16_t load_le16(const void *p)
{
    uint16_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_le32(const void *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_le64(const void *p)
{
    uint64_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_le16(void *p, uint16_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline void store_le32(void *p, uint32_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline void store_le64(void *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline uint32_t load_be32(const void *p)
{
    return __builtin_bswap32(load_le32(p));
}

static inline void store_be32(void *p, uint32_t v)
{
    store_le32(p, __builtin_bswap32(v));
}

#endif
