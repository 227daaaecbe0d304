#ifndef HOST_DEBUGGER_H
#define HOST_DEBUGGER_H

/*
 * What a debugger (tools/gdb/cloister.py) reads and where it stops. Nothing here has an effect.
 */
#include <stdint.h>

#include "host/thread.h"

/* The image stands at this address: ELF address 0 of the file. `path` is kept, not copied. */
void debugger_image_loaded(const char *path, uint64_t base);

/*
 * serve_call() for a thread that left the enclave by a host call, with a frame from which a debugger finds what called
 * in the enclave. `block`: the thread's page in the enclave, never read here.
 */
int64_t debugger_serve_call(struct host_thread *t, const struct hostcall_frame *f, uint64_t block);

#endif
