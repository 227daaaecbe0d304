/* See debugger.h: a function that a debugger finds by its name. */
#include "enclave/debugger.h"

__attribute__((noinline)) void debugger_event(enum debugger_event what, uint64_t value, const void *object, uint64_t offset)
{
    __asm__ volatile("" : : "r"(what), "r"(value), "r"(object), "r"(offset) : "memory"); /* the call stays, and so do its arguments */
}
