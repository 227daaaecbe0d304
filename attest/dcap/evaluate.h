#ifndef ATTEST_EVALUATE_H
#define ATTEST_EVALUATE_H

/* Judge a platform by its TCB: levels of platform, quoting enclave and TDX module, converged. */
#include "attest/dcap/chain.h"
#include "attest/dcap/identity.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/tcb.h"
#include "attest/dcap/verdict.h"

/* Is the TDX module of a TD report one that the TCB info names? NULL or why not. */
const char *tdx_module_problem(const struct tcb_info *t, const uint8_t *td);

/*
 * Fill the TCB fields of *out. Returns 0; -EBADMSG no level matches, with *why; -E2BIG too many
 * advisories.
 * Source: dcap.md 3.G.
 */
int tcb_evaluate(const struct tcb_info *t, const struct enclave_identity *id,
                 const struct pck_facts *pck, const struct quote *q, struct verdict *out,
                 const char **why);

#endif
