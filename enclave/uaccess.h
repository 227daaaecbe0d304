#ifndef ENCLAVE_UACCESS_H
#define ENCLAVE_UACCESS_H

/*
 * Touch the program's memory. A fault inside these (the door knows their address range) makes them
 * return short instead of ending the machine. They refuse addresses that are not the program's: the
 * image itself, thread stacks, the trusted heap, and in an enclave everything outside it.
 *
 * Integers, not pointers: a guest address cannot be dereferenced by accident.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t uaddr_t;

/* 0 or -EFAULT. */
int user_read(void *dst, uaddr_t src, size_t size);
int user_write(uaddr_t dst, const void *src, size_t size);
int user_zero(uaddr_t dst, size_t size);
/* As much as can be moved before a fault: returns bytes moved. */
size_t user_read_some(void *dst, uaddr_t src, size_t size);
size_t user_write_some(uaddr_t dst, const void *src, size_t size);

/* NUL-terminated string into dst[size]: its length; -EFAULT; -ENAMETOOLONG when no NUL within size. */
int64_t user_string(char *dst, uaddr_t src, size_t size);

/* Is the whole range addresses that a program may name (says nothing about whether they are mapped)? */
bool user_range_ok(uaddr_t address, uint64_t size);

/* Atomics on the program's 32-bit words, for futex. 0 or -EFAULT. */
int user_load32(uaddr_t address, uint32_t *value);
/* One 8-byte store. 0 or -EFAULT. */
int user_store64(uaddr_t address, uint64_t value);
int user_cmpxchg32(uaddr_t address, uint32_t *expected, uint32_t desired); /* like C: *expected gets the old */

/* Touch (write=true: write back what is there) each page of the range; -EFAULT where it faults. */
int user_probe(uaddr_t address, size_t size, bool write);

#endif
