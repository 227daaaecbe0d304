/*
 * The Q1/Q2 method of Intel SDM vol. 3D, EINIT: R1 = S^2 - Q1 N and R2 = R1 S - Q2 N must both lie in
 * [0, N), and then R2 = S^3 mod N. Schoolbook multiplication on 64-bit limbs; trusts nothing.
 */
#include "lib/crypto/rsa3.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"

#define LIMBS (RSA3_SIZE / 8)

struct number {
    uint64_t limb[LIMBS];
};

struct product {
    uint64_t limb[2 * LIMBS];
};

static void number_load(struct number *n, const uint8_t bytes[RSA3_SIZE])
{
    memcpy(n->limb, bytes, RSA3_SIZE);
}

static bool number_less(const struct number *a, const struct number *b)
{
    for (size_t i = LIMBS; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i];
    return false;
}

static void multiply(const struct number *a, const struct number *b, struct product *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < LIMBS; j++) {
            unsigned __int128 t = (unsigned __int128)a->limb[i] * b->limb[j];
            t += out->limb[i + j];
            t += carry;
            out->limb[i + j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        out->limb[i + LIMBS] = carry;
    }
}

/* a -= b; true when b was the greater. */
static bool subtract(struct product *a, const struct product *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < 2 * LIMBS; i++) {
        unsigned __int128 t = (unsigned __int128)a->limb[i] - b->limb[i] - borrow;
        a->limb[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    return borrow;
}

/* out = a * b - q * n; false unless that lies in [0, n), which makes it a * b mod n. */
static bool reduce(const struct number *a, const struct number *b, const struct number *q,
                   const struct number *n, struct number *out)
{
    struct product ab, qn;

    multiply(a, b, &ab);
    multiply(q, n, &qn);
    if (subtract(&ab, &qn))
        return false;
    for (size_t i = LIMBS; i < 2 * LIMBS; i++)
        if (ab.limb[i])
            return false;
    memcpy(out->limb, ab.limb, sizeof(out->limb));
    return number_less(out, n);
}

/* RFC 8017 §9.2: 00 01 ff.. 00, DigestInfo of SHA-256, hash; here with the last byte first. */
static void encode_message(const uint8_t hash[32], uint8_t out[RSA3_SIZE])
{
    static const uint8_t digest_info[19] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                             0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                             0x01, 0x05, 0x00, 0x04, 0x20 };
    memset(out, 0xff, RSA3_SIZE);
    for (size_t i = 0; i < 32; i++)
        out[i] = hash[31 - i];
    for (size_t i = 0; i < sizeof(digest_info); i++)
        out[32 + i] = digest_info[sizeof(digest_info) - 1 - i];
    out[32 + sizeof(digest_info)] = 0;
    out[RSA3_SIZE - 2] = 1;
    out[RSA3_SIZE - 1] = 0;
}

int rsa3_verify(const uint8_t modulus[RSA3_SIZE], const uint8_t signature[RSA3_SIZE],
                const uint8_t q1[RSA3_SIZE], const uint8_t q2[RSA3_SIZE], const uint8_t hash[32])
{
    struct number n, s, q, r1, r2;
    uint8_t want[RSA3_SIZE];

    number_load(&n, modulus);
    number_load(&s, signature);
    if (!(n.limb[LIMBS - 1] >> 63) || !(n.limb[0] & 1)) /* 3072 bits, and odd as a product of primes */
        return -EBADMSG;
    if (!number_less(&s, &n))
        return -EBADMSG;
    number_load(&q, q1);
    if (!reduce(&s, &s, &q, &n, &r1))
        return -EBADMSG;
    number_load(&q, q2);
    if (!reduce(&r1, &s, &q, &n, &r2))
        return -EBADMSG;
    encode_message(hash, want);
    return memcmp(r2.limb, want, RSA3_SIZE) ? -EBADMSG : 0;
}
