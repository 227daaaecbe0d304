/* Collateral: TCB info, QE identity, the one-file bundle, revocation lists, certificate chains. */
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/collateral.h"
#include "attest/dcap/crl.h"
#include "attest/dcap/identity.h"
#include "attest/dcap/tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcb_info tcb;
    struct enclave_identity id;
    struct collateral c;
    struct chain chain;
    const char *why, *text = (const char *)data;
    (void)tcb_info_parse(text, size, &tcb);
    tcb_info_fini(&tcb);
    (void)identity_parse(text, size, &id);
    identity_fini(&id);
    (void)collateral_parse_bundle(text, size, &c, &why);
    collateral_fini(&c);
    (void)chain_parse(data, size, 2, &chain, &why);
    chain_fini(&chain);
    X509_CRL_free(crl_parse(data, size));
    return 0;
}
