/*
 * Paths as file lists compare them: text only, no file system is asked, symbolic links are not
 * resolved. Shared by the signer and the enclave, so that both mean the same file. See
 * lib/plan/plan.h.
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"

/* The next component of path[*pos..length); returns its size, 0 at the end. */
static size_t next_component(const char *path, size_t length, size_t *pos, const char **component)
{
    while (*pos < length && path[*pos] == '/')
        (*pos)++;
    size_t start = *pos;
    while (*pos < length && path[*pos] != '/')
        (*pos)++;
    *component = path + start;
    return *pos - start;
}

static bool is_dots(const char *component, size_t size, size_t dots)
{
    return size == dots && component[0] == '.' && component[size - 1] == '.';
}

/* Remove the last component of out[0..used); floor is 1 for an absolute path. Returns the new
 * length. */
static size_t drop_last(const char *out, size_t used, size_t floor)
{
    while (used > floor && out[used - 1] != '/')
        used--;
    return used > floor ? used - 1 : floor;
}

static bool ends_in_dotdot(const char *out, size_t used)
{
    return used >= 2 && out[used - 1] == '.' && out[used - 2] == '.' &&
           (used == 2 || out[used - 3] == '/');
}

int64_t plan_normalise(const char *path, size_t length, char *out, size_t out_size)
{
    size_t pos = 0, used = 0, size;
    const char *component;
    if (length == 0)
        return -EINVAL;
    size_t floor = path[0] == '/' ? 1 : 0;
    if (out_size < 2)
        return -ENAMETOOLONG;
    if (floor)
        out[used++] = '/';
    while ((size = next_component(path, length, &pos, &component)) != 0) {
        if (is_dots(component, size, 1))
            continue;
        if (is_dots(component, size, 2) && (floor || (used > 0 && !ends_in_dotdot(out, used)))) {
            used = drop_last(out, used, floor);
            continue;
        }
        size_t slash = used > floor ? 1 : 0;
        if (size + slash >= out_size - used) /* one byte stays for the NUL */
            return -ENAMETOOLONG;
        if (slash)
            out[used++] = '/';
        for (size_t i = 0; i < size; i++) {
            if (component[i] == 0)
                return -EINVAL;
            out[used++] = component[i];
        }
    }
    if (used == 0)
        out[used++] = '.';
    out[used] = 0;
    return (int64_t)used;
}

bool plan_path_is_below(const char *top, size_t top_length, const char *path, size_t length)
{
    if (top_length == 1 && top[0] == '/')
        return length > 0 && path[0] == '/';
    if (top_length == 1 && top[0] == '.')
        return length > 0 && path[0] != '/' &&
               !(length >= 2 && path[0] == '.' && path[1] == '.' &&
                 (length == 2 || path[2] == '/'));
    if (top_length == 0 || length < top_length || memcmp(top, path, top_length) != 0)
        return false;
    return length == top_length || path[top_length] == '/';
}
