/*
 * Build the initial stack in a buffer of ours; the caller copies it to the program in one go. Pure:
 * all addresses are computed from `top`.
 *
 *   top    8 bytes of zero
 *          execfn, environment strings, argument strings, "x86_64", 16 random bytes
 *          padding to 16
 *          auxv, NULL, envp, NULL, argv, argc           <- stack pointer, 16-byte aligned
 */
#include "libos/exec/stack.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/auxv.h"

#define PLATFORM    "x86_64"
#define ADDED_PAIRS 4 /* AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_NULL */

static uint64_t strings_size(const struct stack_input *in)
{
    return 8 + strlen(in->execfn) + 1 + in->envp->size + in->argv->size + sizeof(PLATFORM) + 16;
}

static uint64_t table_size(const struct stack_input *in)
{
    uint64_t words = 1 + (uint64_t)in->argv->count + 1 + in->envp->count + 1 + in->auxv_count + 2 * ADDED_PAIRS;
    return words * 8;
}

uint64_t stack_size(const struct stack_input *in)
{
    return ALIGN_UP(strings_size(in), UINT64_C(16)) + ALIGN_UP(table_size(in), UINT64_C(16));
}

/* Pointers to each word of a block that stands at guest address `at`; returns the next free slot. */
static uint64_t *point_to_words(uint64_t *slot, const struct words *w, uint64_t at)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        *slot++ = at + offset;
        offset += strlen(w->block + offset) + 1;
    }
    *slot++ = 0;
    return slot;
}

static void add_auxv(struct stack_input *in, uint64_t type, uint64_t value)
{
    assert(in->auxv_count + 2 <= ARRAY_COUNT(in->auxv));
    in->auxv[in->auxv_count++] = type;
    in->auxv[in->auxv_count++] = value;
}

/* Copy bytes below *end (an offset into buf) and return their offset. */
static uint64_t put_below(uint8_t *buf, uint64_t *end, const void *data, size_t size)
{
    *end -= size;
    if (size)
        memcpy(buf + *end, data, size);
    return *end;
}

uint64_t stack_build(struct stack_input *in, uint64_t top, uint8_t *buf, uint64_t size)
{
    uint64_t base = top - size, end = size;
    memset(buf, 0, size);
    end -= 8;
    uint64_t execfn = put_below(buf, &end, in->execfn, strlen(in->execfn) + 1);
    uint64_t envp = put_below(buf, &end, in->envp->block, in->envp->size);
    uint64_t argv = put_below(buf, &end, in->argv->block, in->argv->size);
    uint64_t platform = put_below(buf, &end, PLATFORM, sizeof(PLATFORM));
    uint64_t random = put_below(buf, &end, in->random, sizeof(in->random));

    uint64_t *slot = (uint64_t *)(void *)buf;
    *slot++ = in->argv->count;
    slot = point_to_words(slot, in->argv, base + argv);
    slot = point_to_words(slot, in->envp, base + envp);
    add_auxv(in, LINUX_AT_RANDOM, base + random);
    add_auxv(in, LINUX_AT_EXECFN, base + execfn);
    add_auxv(in, LINUX_AT_PLATFORM, base + platform);
    add_auxv(in, LINUX_AT_NULL, 0);
    memcpy(slot, in->auxv, in->auxv_count * 8);
    slot += in->auxv_count;
    assert((uint8_t *)slot <= buf + random);
    return base;
}
