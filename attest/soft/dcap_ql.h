#ifndef ATTEST_DCAP_QL_H
#define ATTEST_DCAP_QL_H

/*
 * Quotes of SGX hardware without AESM: Intel's quoting enclave in our process, by
 * libsgx_dcap_ql.so.1. It is loaded when asked for, and nothing else here needs it.
 */
#include <stdint.h>

#include "attest/soft/quoter.h"

#define DCAP_QL_LIBRARY "libsgx_dcap_ql.so.1"

struct dcap_ql;

/*
 * path   of the library; NULL: DCAP_QL_LIBRARY, by the loader's rules
 * why    one line on failure
 * Returns 0; -ENOENT it cannot be loaded; -ENOSYS it lacks a function; -ENOMEM. *out returned:
 * dcap_ql_close().
 */
int dcap_ql_open(const char *path, struct dcap_ql **out, char *why, size_t why_size);
void dcap_ql_close(struct dcap_ql *ql);
/* It prints why the library refused, once for each refusal, on stderr. */
struct quoter dcap_ql_quoter(struct dcap_ql *ql);

/* Is the library there? `why` as above. */
int dcap_ql_probe(const char *path, char *why, size_t why_size);

/* Words for a quote3_error_t of making quotes; never NULL. Source: shared/specs/dcap.md 4.3. */
const char *dcap_ql_words(uint32_t code);
/* The same as AESM says it. */
uint32_t dcap_ql_aesm_error(uint32_t code);

#endif
