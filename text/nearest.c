/* Edit distance between short names, for "did you mean". See text/nearest.h. */
#include "text/nearest.h"

#include <stddef.h>
#include <string.h>

#define NAME_MAX_LENGTH 127

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance over one row; both lengths at most NAME_MAX_LENGTH. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

const char *nearest_name(const char *typed, const char *const *names)
{
    size_t length = strlen(typed);
    const char *best = NULL;
    unsigned best_distance = 0;
    if (length == 0 || length > NAME_MAX_LENGTH)
        return NULL;
    for (; *names; names++) {
        size_t n = strlen(*names);
        if (n > NAME_MAX_LENGTH)
            continue;
        unsigned limit = n >= 9 ? 3 : (unsigned)(n / 3 + (n < 6));
        unsigned d = distance(typed, length, *names, n);
        if (d <= limit && (!best || d < best_distance)) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}
