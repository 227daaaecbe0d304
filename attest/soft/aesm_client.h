#ifndef ATTEST_AESM_CLIENT_H
#define ATTEST_AESM_CLIENT_H

/* Obtain a quote from AESM (Intel's service or our software one) over its Unix socket. */
#include <stddef.h>
#include <stdint.h>

#include "lib/aesm/aesm.h"

/* Make a REPORT for this target. Returns 0 or -errno. */
typedef int aesm_report_fn(void *arg, const uint8_t target[AESM_TARGETINFO_SIZE],
                           uint8_t report[AESM_REPORT_SIZE]);

/*
 * Ask for target info, have a report made, ask for the quote; again from the start, at most five
 * times, when the service says that its key is not initialised (error 42).
 *
 * service_error   if not NULL, AESM's error code, 0 when it was not the service that refused
 * Returns the quote's size; -EPROTO an unreadable answer; -EREMOTEIO refused by the service (see
 * service_error); -ENOBUFS; -errno of the socket or of make_report.
 */
int64_t aesm_quote(const char *socket, aesm_report_fn *make_report, void *arg, uint8_t *quote,
                   size_t size, uint32_t *service_error);

/* Size of the quotes that the service issues. Returns it or -errno as above. */
int64_t aesm_quote_size(const char *socket, uint32_t *service_error);

#endif
