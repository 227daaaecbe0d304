/* The quote parser; what parses goes on through the verifier with the certificates inside it. */
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quote q;
    struct chain chain;
    struct pck_facts facts;
    const char *why;
    if (quote_parse(data, size, &q, &why))
        return 0;
    (void)quote_is_debug(&q);
    if (q.cert_type == QUOTE_CERT_PCK_CHAIN) {
        if (chain_parse(q.cert_data, q.cert_size, 3, &chain, &why) == 0) {
            (void)pck_facts_parse(chain.leaf, &facts);
            (void)chain_problem(&chain, "SGX PCK Certificate", false);
        }
        chain_fini(&chain);
    }
    return 0;
}
