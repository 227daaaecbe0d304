/*
 * Text that grows as it is printed. Errors are remembered, so that callers check once at the end.
 */
#include "libos/fs/text.h"

#include <stdarg.h>

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"

static bool make_room(struct text *t, size_t size)
{
    if (t->failed)
        return false;
    if (t->room - t->size > size)
        return true;
    size_t room = MAX(t->room * 2, t->size + size + 256);
    char *data = mem_realloc(t->data, room);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->room = room;
    return true;
}

void text_append(struct text *t, const void *data, size_t size)
{
    if (!make_room(t, size))
        return;
    memcpy(t->data + t->size, data, size);
    t->size += size;
}

void text_print(struct text *t, const char *format, ...)
{
    va_list args;
    char line[512];
    va_start(args, format);
    size_t n = fmt_vprint(line, sizeof(line), format, args);
    va_end(args);
    if (n < sizeof(line)) {
        text_append(t, line, n);
        return;
    }
    if (!make_room(t, n + 1))
        return;
    va_start(args, format);
    fmt_vprint(t->data + t->size, n + 1, format, args);
    va_end(args);
    t->size += n;
}
