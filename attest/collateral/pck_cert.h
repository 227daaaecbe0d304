#ifndef ATTEST_PCK_CERT_H
#define ATTEST_PCK_CERT_H

/*
 * The PCK certificate of a platform whose quotes carry only its id (certification data types 1 to
 * 3): asked of a PCCS, of Intel's PCS (which wants a key) or of Azure, which answers with JSON
 * instead of headers; and put into the quote. Source: shared/specs/dcap.md 1.4, 5.1 to 5.4.
 */
#include <stddef.h>
#include <stdint.h>

#include "attest/collateral/answer.h"
#include "attest/collateral/qcnl.h"
#include "attest/dcap/chain.h"
#include "attest/dcap/quote.h"

#define ENCRYPTED_PPID_SIZE 384

struct pck_request {
    uint8_t qe_id[16], cpusvn[16], pcesvn[2], pceid[2]; /* as in the quote: little-endian */
    bool ppid_encrypted; /* with RSA-3072; else the server must know the platform by its QE's id */
    uint8_t encrypted_ppid[ENCRYPTED_PPID_SIZE];
};

/* Returns 0; -EINVAL not a quote, or one that carries a certificate already. */
int pck_request_from_quote(const void *quote, size_t size, struct pck_request *out,
                           struct problem *why);

/* The URL of the request. Returns 0; -ENAMETOOLONG. */
int pck_url(const struct pck_request *r, const struct qcnl *q, char *out, size_t size);

/*
 * Take an answer apart, in either form: leaf, PCK CA and root as PEM text in *chain (returned:
 * free()). The three must form a chain by their names and signatures, and the leaf must be of the
 * TCB that the answer says. Whether the root deserves trust is for quote_verify() to say. Returns
 * 0; -EINVAL with why; -ENOMEM.
 */
int pck_answer_take(const struct answer *a, char **chain, size_t *size, struct problem *why);

/* Ask, and take the answer. Returns 0; -errno with why: one line that names the URL. */
int pck_fetch(const struct pck_request *r, const struct qcnl *q, char **chain, size_t *size,
              struct problem *why);

/*
 * The quote with this chain as its certification data (type 5); what is signed stays as it was.
 * *out returned: free(). Returns 0; -EINVAL; -ENOMEM.
 */
int pck_complete_quote(const uint8_t *quote, size_t size, const char *chain, size_t chain_size,
                       uint8_t **out, size_t *out_size);

#endif
