#ifndef LIBOS_EXEC_STACK_H
#define LIBOS_EXEC_STACK_H

/*
 * What a program finds on its stack when it starts (System V ABI, x86-64 supplement, 3.4.1): argc, argv,
 * envp, auxiliary vector, and the strings they point to.
 */
#include <stddef.h>
#include <stdint.h>

#include "libos/exec/words.h"

#define STACK_AUXV_MAX 32 /* pairs, with AT_NULL */

struct stack_input {
    const struct words *argv, *envp;
    const char *execfn;
    uint8_t random[16];
    uint64_t auxv[2 * STACK_AUXV_MAX]; /* in: pairs without AT_NULL; AT_EXECFN, AT_RANDOM, AT_PLATFORM are added */
    uint32_t auxv_count;               /* numbers, so twice the pairs; out: with the added pairs and AT_NULL */
};

/* Bytes below the top that the image needs, a multiple of 16. 0: too large to compute. */
uint64_t stack_size(const struct stack_input *in);

/*
 * Write the image of the stack that ends at guest address `top` (16-byte aligned) into buf, which
 * holds stack_size() bytes and stands for [top - size, top). in->auxv is completed. Returns the
 * initial stack pointer = top - size.
 */
uint64_t stack_build(struct stack_input *in, uint64_t top, uint8_t *buf, uint64_t size);

#endif
