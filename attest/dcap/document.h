#ifndef ATTEST_DOCUMENT_H
#define ATTEST_DOCUMENT_H

/*
 * Intel's signed JSON documents: {"tcbInfo":{...},"signature":"<128 hex>"}. The signature is over the
 * bytes of the inner value exactly as they were sent, so those are kept as a span of the input.
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/verdict.h"

#define DOCUMENT_MAX       (512u << 10)
#define DOCUMENT_DEPTH_MAX 32

struct document {
    const char *bytes; /* borrowed from the input: what is signed */
    size_t size;
    uint8_t signature[64];
    json_t *value;     /* owned: the parsed inner value, an object */
    int64_t issued, next_update;
    uint32_t evaluation_number;
};

/*
 * `member` is "tcbInfo" or "enclaveIdentity". Duplicate members, other outer members, deep nesting,
 * wrong types and dates in any other form than YYYY-MM-DDThh:mm:ssZ are refused.
 * Returns 0; -EINVAL; -ENOMEM. Release with document_fini() in any case.
 */
int document_parse(const char *text, size_t size, const char *member, struct document *out);
void document_fini(struct document *d);
bool document_signed_by(const struct document *d, EVP_PKEY *signer);

/* Typed members of an object. Each returns 0 or -EINVAL (missing, wrong type, out of range). */
int member_uint(const json_t *object, const char *name, uint32_t max, uint32_t *out);
int member_hex(const json_t *object, const char *name, void *out, size_t size);
int member_date(const json_t *object, const char *name, int64_t *out);
/* A missing array is an empty one. *out is borrowed, NULL when there is none. */
int member_advisories(const json_t *object, json_t **out);
const char *member_string(const json_t *object, const char *name);

/* "2024-07-01T00:00:00Z" to seconds since 1970. Returns 0 or -EINVAL. */
int date_parse(const char *text, int64_t *out);

#endif
