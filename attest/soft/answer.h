#ifndef ATTEST_SOFT_ANSWER_H
#define ATTEST_SOFT_ANSWER_H

/* One AESM request in, one response out: the quoting service without its sockets. */
#include <stddef.h>
#include <stdint.h>

#include "attest/soft/quoter.h"

#define SOFT_REQUEST_MAX 8192

/*
 * request is hostile, without frame header. Every request gets an answer: errors are AESM's codes.
 * Returns the response's size, frame header included, in *response (returned: free()); -ENOMEM.
 */
int64_t soft_answer(const struct quoter *q, const uint8_t *request, size_t size,
                    uint8_t **response);

#endif
