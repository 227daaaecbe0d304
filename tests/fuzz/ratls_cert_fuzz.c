/* The RA-TLS certificate parser: DER, extensions, CBOR. */
#include <stddef.h>
#include <stdint.h>

#include "attest/ratls/cbor.h"
#include "attest/ratls/ratls_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ratls_cert cert;
    struct ratls_evidence evidence;
    if (ratls_cert_parse(data, size, &cert) == 0 && ratls_cert_evidence(&cert, &evidence) == 0)
        return 0;
    /* The evidence by itself: the fuzzer would hardly find a certificate around it. */
    cert = (struct ratls_cert){ .tcg = data, .tcg_size = size, .spki = data, .spki_size = size };
    (void)ratls_cert_evidence(&cert, &evidence);
    return 0;
}
