#ifndef ATTEST_HTTP_H
#define ATTEST_HTTP_H

/* One GET with everything bounded: time, size, redirects (none), protocols (http and https). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/problem.h"

#define HTTP_HEADERS_MAX 6

struct http_options {
    bool insecure_tls;
    const char *ca_file;                  /* or NULL: the system's */
    const char *header[HTTP_HEADERS_MAX]; /* extra request headers, "name: value"; NULL ends */
    unsigned timeout;                     /* seconds, for everything */
};

struct http_answer {
    long status;
    uint8_t *body; /* owned; a NUL follows */
    size_t body_size;
    char *headers; /* owned */
    size_t headers_size;
    bool too_large;
};

/* Returns 0 with whatever status; -EHOSTUNREACH, -ETIMEDOUT, -EPROTO (TLS), -EIO (cut off), -EFBIG,
 * -ENOMEM. */
int http_get(const char *url, const struct http_options *o, struct http_answer *out,
             struct problem *why);
void http_answer_fini(struct http_answer *a);

/* Words for a status. */
const char *http_status_words(long status);

#endif
