#ifndef HOST_SERVE_H
#define HOST_SERVE_H

#include "host/thread.h"

/* Enter TCS of this thread with a reason and serve its calls until the process or the thread ends. */
_Noreturn void serve_thread(struct host_thread *t, uint64_t reason, uint64_t argument);

/* Serve one call: the frame as the enclave wrote it. Returns what goes back to the enclave. */
int64_t serve_call(struct host_thread *t, const struct hostcall_frame *f);

#endif
