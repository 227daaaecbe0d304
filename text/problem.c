/* Texts of failures. See text/problem.h. */
#include "text/problem.h"

#include <stdarg.h>
#include <stdio.h>

int problem_set(struct problem *p, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, sizeof(p->text), format, args);
    va_end(args);
    /* Texts quote what they read: a value must not break the line or control the terminal. */
    for (char *c = p->text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return error;
}
