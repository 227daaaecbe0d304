/*
 * The SGX extension of a PCK certificate (OID 1.2.840.113741.1.13.1): platform identity and TCB.
 * The bytes are signed by Intel's CA when this is believed, but parsed before; so they are hostile.
 */
#include <errno.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/der.h"
#include "lib/base/bytes.h"

/* Content bytes of 1.2.840.113741.1.13.1; members append .n, the TCB's members .2.n */
static const uint8_t g_sgx_oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };
#define PREFIX sizeof(g_sgx_oid)

enum { HAVE_PPID = 1 << 1, HAVE_TCB = 1 << 2, HAVE_PCEID = 1 << 3, HAVE_FMSPC = 1 << 4, HAVE_TYPE = 1 << 5 };

/* The number after the prefix of g_sgx_oid, or 0. `depth` numbers are expected; the last one is returned. */
static unsigned member_number(const struct der *oid, unsigned depth)
{
    if (oid->tag != DER_OID || oid->size != PREFIX + depth ||
        memcmp(oid->content, g_sgx_oid, PREFIX) != 0 || (depth == 2 && oid->content[PREFIX] != 2))
        return 0;
    return oid->content[oid->size - 1];
}

static int take_octets(const struct der *value, uint8_t *out, size_t size)
{
    if (value->tag != DER_OCTETS || value->size != size)
        return -EINVAL;
    memcpy(out, value->content, size);
    return 0;
}

/* One member of the TCB sequence: 1..16 components, 17 PCESVN, 18 CPUSVN. */
static int parse_tcb_member(unsigned number, const struct der *value, struct pck_facts *f)
{
    uint32_t n;
    if (number == 18)
        return take_octets(value, f->cpusvn, 16);
    if (number < 1 || number > 17 || value->tag != DER_INTEGER || der_small_integer(value, &n))
        return -EINVAL;
    if (number == 17)
        f->pcesvn = (uint16_t)n;
    else if (n > UINT8_MAX)
        return -EINVAL;
    else
        f->components[number - 1] = (uint8_t)n;
    return 0;
}

static int parse_tcb(const struct der *value, struct pck_facts *f)
{
    struct cursor c = der_inside(value);
    uint32_t seen = 0;
    if (value->tag != DER_SEQUENCE)
        return -EINVAL;
    while (c.left > 0 && !c.failed) {
        struct der pair = der_expect(&c, DER_SEQUENCE);
        struct cursor in = der_inside(&pair);
        struct der oid = der_expect(&in, DER_OID), item = der_next(&in);
        unsigned number = in.failed ? 0 : member_number(&oid, 2);
        if (number == 0 || number > 18 || seen & 1u << number || in.left != 0 ||
            parse_tcb_member(number, &item, f))
            return -EINVAL;
        seen |= 1u << number;
    }
    return !c.failed && seen == 0x7fffe ? 0 : -EINVAL;
}

static int parse_member(unsigned number, const struct der *value, struct pck_facts *f)
{
    uint32_t type;
    switch (number) {
    case 1: return take_octets(value, f->ppid, sizeof(f->ppid));
    case 2: return parse_tcb(value, f);
    case 3: return take_octets(value, f->pceid, sizeof(f->pceid));
    case 4: return take_octets(value, f->fmspc, sizeof(f->fmspc));
    case 5:
        if (value->tag != DER_ENUM || der_small_integer(value, &type) || type > 2)
            return -EINVAL;
        f->sgx_type = type;
        return 0;
    case 6: /* platform instance id */
    case 7: /* configuration */ return 0;
    default: return -EINVAL;
    }
}

static int parse_extension(const uint8_t *data, size_t size, struct pck_facts *f)
{
    struct cursor c = cursor_over(data, size);
    struct der all = der_expect(&c, DER_SEQUENCE);
    uint32_t seen = 0;
    if (c.failed || c.left != 0)
        return -EINVAL;
    for (c = der_inside(&all); c.left > 0 && !c.failed;) {
        struct der pair = der_expect(&c, DER_SEQUENCE);
        struct cursor in = der_inside(&pair);
        struct der oid = der_expect(&in, DER_OID), item = der_next(&in);
        unsigned number = in.failed ? 0 : member_number(&oid, 1);
        if (number == 0 || number > 7 || seen & 1u << number || in.left != 0 ||
            parse_member(number, &item, f))
            return -EINVAL;
        seen |= 1u << number;
    }
    const uint32_t need = HAVE_PPID | HAVE_TCB | HAVE_PCEID | HAVE_FMSPC | HAVE_TYPE;
    return !c.failed && (seen & need) == need ? 0 : -EINVAL;
}

int pck_facts_parse(X509 *leaf, struct pck_facts *out)
{
    *out = (struct pck_facts){ 0 };
    for (int i = 0; i < X509_get_ext_count(leaf); i++) {
        X509_EXTENSION *ext = X509_get_ext(leaf, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);
        if (OBJ_length(oid) != PREFIX || memcmp(OBJ_get0_data(oid), g_sgx_oid, PREFIX) != 0)
            continue;
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
        return parse_extension(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), out);
    }
    return -EINVAL;
}
