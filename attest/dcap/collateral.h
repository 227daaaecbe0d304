#ifndef ATTEST_COLLATERAL_H
#define ATTEST_COLLATERAL_H

/*
 * What a verifier needs beside the quote: revocation lists, TCB info, QE identity and the chains of
 * their signer. Either a folder with one file each (pck_crl.der, root_ca_crl.der, tcb_info.json,
 * qe_identity.json, tcb_issuer_chain.pem and, if different, qe_identity_issuer_chain.pem) or one JSON
 * file whose members carry the names of collateral_names.
 */
#include <stddef.h>
#include <stdint.h>

#define COLLATERAL_ITEM_MAX (1u << 20)

enum collateral_item {
    COLLATERAL_PCK_CRL,
    COLLATERAL_ROOT_CRL,
    COLLATERAL_TCB_INFO,
    COLLATERAL_TCB_CHAIN,
    COLLATERAL_QE_IDENTITY,
    COLLATERAL_QE_CHAIN, /* may be absent: then the TCB chain serves */
    COLLATERAL_ITEMS,
};

struct collateral {
    struct {
        uint8_t *data; /* owned */
        size_t size;
    } item[COLLATERAL_ITEMS];
};

/* Returns 0; -ENOENT and others with *missing naming the file or member (static text, may be NULL). */
int collateral_load(const char *path, struct collateral *out, const char **missing);
/* One-file form from memory. CRLs are hexadecimal or PEM text there. Returns 0; -EINVAL; -ENOMEM. */
int collateral_parse_bundle(const char *json, size_t size, struct collateral *out,
                            const char **missing);
/* The member of the one-file form. */
const char *collateral_member_name(enum collateral_item item);
void collateral_fini(struct collateral *c);

#endif
