#ifndef LIBOS_SYS_TIMEOUT_H
#define LIBOS_SYS_TIMEOUT_H

/*
 * Timeouts of calls that wait, as CLOCK_MONOTONIC deadlines: 0 means "do not sleep", PARK_FOREVER
 * "no limit".
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/uaccess.h"

int64_t timeout_after(int64_t ns); /* ns <= 0: do not sleep */
/* A struct timespec in the program; address 0: no limit. -EFAULT, -EINVAL. */
int timeout_read_timespec(uaddr_t address, int64_t *deadline);
int timeout_read_timeval(uaddr_t address, int64_t *deadline);
bool timeout_passed(int64_t deadline);
/* What is left, written back as poll and select do; errors are ignored, as by Linux. */
int timeout_write_timespec(uaddr_t address, int64_t deadline);
void timeout_write_timeval(uaddr_t address, int64_t deadline);

#endif
