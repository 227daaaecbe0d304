#ifndef HOST_START_INFO_H
#define HOST_START_INFO_H

/* What the launcher tells the trusted side at the start: fills struct start (lib/boundary/start.h). */
#include "host/options.h"
#include "lib/boundary/start.h"
#include "lib/plan/plan.h"

/*
 * Fill all that does not depend on the mode. Memory it points to lives as long as the process.
 *
 * thread_count   most threads
 */
void start_info_fill(const struct options *o, const struct plan *plan, uint32_t thread_count, struct start *out);

/*
 * The address ranges in use by this process now, sorted and merged, into out[max].
 * Returns their number; ends the process when there are more than max.
 */
uint32_t start_info_ranges(struct start_range *out, uint32_t max);

#endif
