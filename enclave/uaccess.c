/*
 * Access to the program's memory: range check, then the fault-tolerant routines of uaccess.S. The range
 * check keeps the program from naming libos's own memory; what is mapped where is the CPU's business.
 */
#include "enclave/uaccess.h"

#include "enclave/fixup.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"

size_t uaccess_copy(void *dst, const void *src, size_t size);
size_t uaccess_set(void *dst, size_t size);
size_t uaccess_string(char *dst, const char *src, size_t size);
int uaccess_load32(const uint32_t *src, uint32_t *value);
int uaccess_store64(uint64_t *word, uint64_t value);
int uaccess_cmpxchg32(uint32_t *word, uint32_t *expected, uint32_t desired);
int uaccess_probe(void *p, int write);

/* Filled by uaccess.S: distances from each word itself. */
struct uaccess_site {
    int32_t at, goes_on;
};
extern const struct uaccess_site uaccess_table[], uaccess_table_end[];

uint64_t fixup_find(uint64_t rip)
{
    for (const struct uaccess_site *s = uaccess_table; s < uaccess_table_end; s++)
        if (rip == (uintptr_t)&s->at + (uint64_t)(int64_t)s->at)
            return (uintptr_t)&s->goes_on + (uint64_t)(int64_t)s->goes_on;
    return 0;
}

static IN_LINE bool range_ok(uaddr_t address, uint64_t size)
{
    uint64_t end;
    if (__builtin_add_overflow(address, size, &end))
        return false;
    if (address < g_zone.user_low || end > g_zone.user_high)
        return false;
    return (end <= g_zone.low || address >= g_zone.high) &&
           (end <= g_zone.image_low || address >= g_zone.image_high);
}

bool user_range_ok(uaddr_t address, uint64_t size)
{
    return range_ok(address, size);
}

int user_read(void *dst, uaddr_t src, size_t size)
{
    if (size == 0)
        return 0;
    if (!range_ok(src, size) || uaccess_copy(dst, (const void *)src, size))
        return -EFAULT;
    return 0;
}

int user_write(uaddr_t dst, const void *src, size_t size)
{
    if (size == 0)
        return 0;
    if (!range_ok(dst, size) || uaccess_copy((void *)dst, src, size))
        return -EFAULT;
    return 0;
}

size_t user_read_some(void *dst, uaddr_t src, size_t size)
{
    if (size == 0 || !user_range_ok(src, size))
        return 0;
    return size - uaccess_copy(dst, (const void *)src, size);
}

size_t user_write_some(uaddr_t dst, const void *src, size_t size)
{
    if (size == 0 || !user_range_ok(dst, size))
        return 0;
    return size - uaccess_copy((void *)dst, src, size);
}

int user_zero(uaddr_t dst, size_t size)
{
    if (size == 0)
        return 0;
    return user_range_ok(dst, size) && uaccess_set((void *)dst, size) == 0 ? 0 : -EFAULT;
}

int64_t user_string(char *dst, uaddr_t src, size_t size)
{
    uint64_t room = size;
    if (src < g_zone.user_high && room > g_zone.user_high - src)
        room = g_zone.user_high - src;
    if (!range_ok(src, 1))
        return -EFAULT;
    size_t left = uaccess_string(dst, (const char *)src, room);
    if (left == SIZE_MAX)
        return -EFAULT;
    if (left == 0)
        return room < size ? -EFAULT : -ENAMETOOLONG;
    int64_t length = (int64_t)(room - left); /* left = remaining + 1 */
    return range_ok(src, (uint64_t)length + 1) ? length : -EFAULT;
}

int user_load32(uaddr_t address, uint32_t *value)
{
    if (!user_range_ok(address, 4) || uaccess_load32((const uint32_t *)address, value))
        return -EFAULT;
    return 0;
}

int user_store64(uaddr_t address, uint64_t value)
{
    return user_range_ok(address, 8) && uaccess_store64((uint64_t *)address, value) == 0 ? 0 : -EFAULT;
}

int user_cmpxchg32(uaddr_t address, uint32_t *expected, uint32_t desired)
{
    if (!user_range_ok(address, 4) || uaccess_cmpxchg32((uint32_t *)address, expected, desired))
        return -EFAULT;
    return 0;
}

int user_probe(uaddr_t address, size_t size, bool write)
{
    if (size == 0)
        return 0;
    if (!user_range_ok(address, size))
        return -EFAULT;
    for (uaddr_t a = address; a < address + size; a = ALIGN_DOWN(a, PAGE_SIZE) + PAGE_SIZE)
        if (uaccess_probe((void *)a, write))
            return -EFAULT;
    return 0;
}
