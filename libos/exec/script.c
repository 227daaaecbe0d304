/*
 * Parse "#!" lines by the rules of Linux's fs/binfmt_script.c: blanks are space and tab; everything
 * after the interpreter, trimmed, is one argument. The bytes are a file's: untrusted.
 */
#include "libos/exec/script.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
    return c == '\n' || c == 0;
}

int script_parse(const char *head, size_t size, struct script *out)
{
    if (size < 2 || head[0] != '#' || head[1] != '!')
        return -ENOEXEC;
    size_t limit = MIN(size, (size_t)SCRIPT_LINE_MAX), end = 2;
    while (end < limit && !is_end(head[end]))
        end++;
    bool whole = end < limit || size < SCRIPT_LINE_MAX;
    size_t start = 2;
    while (start < end && is_blank(head[start]))
        start++;
    size_t name_end = start;
    while (name_end < end && !is_blank(head[name_end]))
        name_end++;
    /* A name cut off by the buffer might name another program: refuse it. */
    if (name_end == start || (name_end == end && !whole))
        return -ENOEXEC;
    memcpy(out->interpreter, head + start, name_end - start);
    out->interpreter[name_end - start] = 0;

    start = name_end;
    while (start < end && is_blank(head[start]))
        start++;
    while (end > start && is_blank(head[end - 1]))
        end--;
    size_t length = MIN(end - start, (size_t)SCRIPT_LINE_MAX - 1);
    memcpy(out->argument, head + start, length);
    out->argument[length] = 0;
    out->has_argument = length > 0;
    return 0;
}
