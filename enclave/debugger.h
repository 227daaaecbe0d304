#ifndef ENCLAVE_DEBUGGER_H
#define ENCLAVE_DEBUGGER_H

/*
 * Where a debugger sets its breakpoints. Calling this does nothing and tells the host nothing: who can stop the
 * enclave here can read its memory anyway (direct, soft, or a debug enclave), and reads what happened from the arguments
 * (tools/gdb/cloister.py).
 */
#include <stdint.h>

enum debugger_event {
    DEBUGGER_CODE_MAPPED = 1, /* value: address of an executable mapping; object: the struct file; offset in it */
    DEBUGGER_KILLED = 2,      /* value: the signal that ends the process */
};

void debugger_event(enum debugger_event what, uint64_t value, const void *object, uint64_t offset);

#endif
