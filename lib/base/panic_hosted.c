/* panic() for hosted programs and tests: say what broke and abort. Not part of the trusted image. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"

_Noreturn void panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "cloister: internal error at %s:%d: %s\n", file, line, what);
    abort();
}
