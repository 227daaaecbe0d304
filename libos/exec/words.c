/*
 * Lists of words for argv and the environment. One growing block: what the stack builder and
 * /proc/self/cmdline want is exactly the NUL-separated bytes.
 */
#include "libos/exec/words.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"

void words_init(struct words *w)
{
    *w = (struct words){ 0 };
}

void words_free(struct words *w)
{
    mem_free(w->block);
    words_init(w);
}

static int words_grow(struct words *w, size_t more)
{
    size_t need;
    if (!checked_add(w->size, more, &need) || need > WORDS_MAX)
        return -E2BIG;
    if (need <= w->room)
        return 0;
    size_t room = MAX(need, MAX(w->room * 2, (size_t)256));
    char *block = mem_realloc(w->block, room);
    if (!block)
        return -ENOMEM;
    w->block = block;
    w->room = room;
    return 0;
}

int words_add(struct words *w, const char *s, size_t length)
{
    int err = words_grow(w, length + 1);
    if (err)
        return err;
    memcpy(w->block + w->size, s, length);
    w->block[w->size + length] = 0;
    w->size += length + 1;
    w->count++;
    return 0;
}

int words_add_pair(struct words *w, const char *name, size_t name_length, const char *value, size_t value_length)
{
    int err = words_grow(w, name_length + value_length + 2);
    if (err)
        return err;
    char *p = w->block + w->size;
    memcpy(p, name, name_length);
    p[name_length] = '=';
    memcpy(p + name_length + 1, value, value_length);
    p[name_length + 1 + value_length] = 0;
    w->size += name_length + value_length + 2;
    w->count++;
    return 0;
}

int words_replace_front(struct words *w, uint32_t count, const char *const *front, uint32_t front_count)
{
    struct words out;
    words_init(&out);
    int err = 0;
    for (uint32_t i = 0; !err && i < front_count; i++)
        err = words_add(&out, front[i], strlen(front[i]));
    size_t at = 0;
    for (uint32_t i = 0; !err && i < w->count; i++) {
        size_t length = strlen(w->block + at);
        if (i >= count)
            err = words_add(&out, w->block + at, length);
        at += length + 1;
    }
    if (err) {
        words_free(&out);
        return err;
    }
    words_free(w);
    *w = out;
    return 0;
}
