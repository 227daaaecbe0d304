/* SIGSTRUCT made and checked. The bytes checked are the host's: nothing in them is trusted. */
#include "lib/sgx/sigstruct.h"

#include "lib/base/bytes.h"
#include "lib/crypto/rsa3.h"
#include "lib/crypto/sha256.h"

static const uint8_t header[16] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
static const uint8_t header2[16] = { 1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0 };

#define VENDOR_INTEL 0x8086

static uint32_t bcd(unsigned v)
{
    return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

uint32_t sigstruct_date(unsigned year, unsigned month, unsigned day)
{
    return bcd(year) << 16 | bcd(month % 100) << 8 | bcd(day % 100);
}

void sigstruct_fill(struct sgx_sigstruct *s, const struct plan *plan,
                    const uint8_t mrenclave[SGX_HASH_SIZE], uint32_t date)
{
    const struct plan_header *h = plan->h;

    memset(s, 0, sizeof(*s));
    memcpy(s->header, header, sizeof(header));
    memcpy(s->header2, header2, sizeof(header2));
    s->date = date;
    s->exponent = 3;
    s->miscselect = h->misc_select;
    s->miscmask = h->misc_mask;
    s->attributes.flags = h->attributes_flags;
    s->attributes.xfrm = h->attributes_xfrm;
    s->attribute_mask.flags = UINT64_MAX; /* debug and production need different signatures */
    s->attribute_mask.xfrm = h->attributes_xfrm_mask;
    s->isv_prod_id = h->isv_prod_id;
    s->isv_svn = h->isv_svn;
    memcpy(s->enclavehash, mrenclave, SGX_HASH_SIZE);
}

void sigstruct_signed_bytes(const struct sgx_sigstruct *s, uint8_t out[SIGSTRUCT_SIGNED_SIZE])
{
    memcpy(out, s, 128);
    memcpy(out + 128, (const uint8_t *)s + offsetof(struct sgx_sigstruct, miscselect), 128);
}

static bool form_is_right(const struct sgx_sigstruct *s)
{
    return !memcmp(s->header, header, sizeof(header)) &&
           !memcmp(s->header2, header2, sizeof(header2)) &&
           (s->vendor == 0 || s->vendor == VENDOR_INTEL) && s->exponent == 3 &&
           bytes_are_zero(s->reserved1, sizeof(s->reserved1)) &&
           bytes_are_zero(s->reserved2, sizeof(s->reserved2)) &&
           bytes_are_zero(s->reserved3, sizeof(s->reserved3)) &&
           bytes_are_zero(s->reserved4, sizeof(s->reserved4));
}

enum sgx_error sigstruct_verify(const struct sgx_sigstruct *s)
{
    uint8_t message[SIGSTRUCT_SIGNED_SIZE], hash[SHA256_SIZE];

    if (!form_is_right(s))
        return SGX_INVALID_SIG_STRUCT;
    sigstruct_signed_bytes(s, message);
    sha256_digest(message, sizeof(message), hash);
    if (rsa3_verify(s->modulus, s->signature, s->q1, s->q2, hash))
        return SGX_INVALID_SIGNATURE;
    return SGX_SUCCESS;
}

void sigstruct_mrsigner(const struct sgx_sigstruct *s, uint8_t mrsigner[SGX_HASH_SIZE])
{
    sha256_digest(s->modulus, sizeof(s->modulus), mrsigner);
}
