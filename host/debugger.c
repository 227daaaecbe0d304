/* See debugger.h. Served code: no libc. */
#include "host/debugger.h"

struct debugger_image {
    const char *path;
    uint64_t base;
};

/* Read by the debugger when it attaches later. */
struct debugger_image g_debugger_image;

__attribute__((noinline)) void debugger_image_loaded(const char *path, uint64_t base)
{
    g_debugger_image = (struct debugger_image){ path, base };
    __asm__ volatile("" : : "r"(path), "r"(base) : "memory"); /* the call stays, and so do its arguments */
}
