#ifndef HOST_STATS_H
#define HOST_STATS_H

#include "host/thread.h"

/* Add the bytes that this call's arguments carry over the boundary. */
void stats_count_bytes(struct host_thread *t, const struct hostcall_frame *f);

/* Print the sum over all threads on stderr, in the form of g_host.stats; nothing when it is 0. */
void stats_print(void);

#endif
