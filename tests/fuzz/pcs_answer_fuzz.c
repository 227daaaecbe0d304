/* What a collateral server answers: one byte for the request, header lines, an empty line, the body. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/answer.h"
#include "attest/collateral/examine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct collateral c = { 0 };
    struct collateral_facts facts;
    struct problem why;
    char *text;
    size_t text_size;
    if (size < 1)
        return 0;
    const uint8_t *end = memmem(data + 1, size - 1, "\n\n", 2);
    size_t headers = end ? (size_t)(end + 1 - data) - 1 : size - 1;
    struct answer a = { (const char *)data + 1, headers, data + 1 + headers, size - 1 - headers };
    if (answer_header(&a, "TCB-Info-Issuer-Chain", &text, &text_size) == 0 && strlen(text) != text_size)
        abort();
    free(text);
    (void)answer_take(data[0] % 4, &a, &c, &why);
    (void)collateral_examine(&c, &facts, &why);
    collateral_fini(&c);
    return 0;
}
