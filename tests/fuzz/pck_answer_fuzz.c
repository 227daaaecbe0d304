/* An answer with a PCK certificate, and a quote to put it into: header lines, an empty line, the
 * body. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/pck_cert.h"

static void complete(const uint8_t *quote, size_t size, const char *chain, size_t chain_size)
{
    struct quote before, after;
    uint8_t *whole = NULL;
    size_t whole_size = 0;
    if (pck_complete_quote(quote, size, chain, chain_size, &whole, &whole_size))
        return;
    if (quote_parse(quote, size, &before, NULL) || quote_parse(whole, whole_size, &after, NULL) ||
        after.cert_type != QUOTE_CERT_PCK_CHAIN || after.cert_size != chain_size ||
        after.size != whole_size || after.auth_size != before.auth_size ||
        after.signed_size != before.signed_size)
        abort();
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem why;
    struct pck_request r;
    char *chain;
    size_t chain_size = 0;
    const uint8_t *end = memmem(data, size, "\n\n", 2);
    size_t headers = end ? (size_t)(end + 1 - data) : size;
    struct answer a = { (const char *)data, headers, data + headers, size - headers };
    if (pck_answer_take(&a, &chain, &chain_size, &why) == 0 && strlen(chain) != chain_size)
        abort();
    free(chain);
    (void)pck_request_from_quote(data, size, &r, &why);
    complete(data, size, "any text", 8);
    return 0;
}
