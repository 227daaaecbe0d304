#ifndef LIBOS_FS_TEXT_H
#define LIBOS_FS_TEXT_H

/* Growing text: content of pseudo-files. */
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data;
    size_t size, room;
    bool failed; /* no memory: the rest was dropped */
};

void text_print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *t, const void *data, size_t size);

#endif
