/* rsa3_verify against signatures made by OpenSSL with a fresh RSA-3072, e = 3 key. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "lib/crypto/rsa3.h"
#include "lib/linux/errno.h"

static struct {
    uint8_t n[384], s[384], q1[384], q2[384], hash[32];
} g;

static int make_signature(void **state)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *e = BN_new(), *s = BN_new(), *t = BN_new(), *q = BN_new(), *r = BN_new();
    RSA *rsa = RSA_new();
    uint8_t big[384];
    unsigned size;

    BN_set_word(e, 3);
    if (RSA_generate_key_ex(rsa, 3072, e, NULL) != 1)
        return -1;
    SHA256((const uint8_t *)"message", 7, g.hash);
    if (RSA_sign(NID_sha256, g.hash, 32, big, &size, rsa) != 1 || size != 384)
        return -1;
    const BIGNUM *n = RSA_get0_n(rsa);
    BN_bin2bn(big, 384, s);
    BN_bn2lebinpad(n, g.n, 384);
    BN_bn2lebinpad(s, g.s, 384);
    BN_mul(t, s, s, ctx);
    BN_div(q, r, t, n, ctx);
    BN_bn2lebinpad(q, g.q1, 384);
    BN_mul(t, r, s, ctx);
    BN_div(q, r, t, n, ctx);
    BN_bn2lebinpad(q, g.q2, 384);
    BN_free(e), BN_free(s), BN_free(t), BN_free(q), BN_free(r);
    RSA_free(rsa);
    BN_CTX_free(ctx);
    return 0;
}

static void a_right_signature_verifies(void **state)
{
    assert_int_equal(rsa3_verify(g.n, g.s, g.q1, g.q2, g.hash), 0);
}

static void any_changed_byte_is_refused(void **state)
{
    uint8_t *parts[] = { g.n, g.s, g.q1, g.q2, g.hash };
    for (size_t p = 0; p < 5; p++) {
        for (size_t i = 0; i < (p == 4 ? 32u : 384u); i += 7) {
            parts[p][i] ^= 0x10;
            assert_int_equal(rsa3_verify(g.n, g.s, g.q1, g.q2, g.hash), -EBADMSG);
            parts[p][i] ^= 0x10;
        }
    }
}

/* S and S + N are the same residue; only the one below N is a signature. */
static void quotients_that_leave_the_range_are_refused(void **state)
{
    uint8_t q[384];
    memcpy(q, g.q1, 384);
    q[0]--; /* R1 = right + N: congruent, but not below N */
    assert_int_equal(rsa3_verify(g.n, g.s, q, g.q2, g.hash), -EBADMSG);
    memset(q, 0, 384);
    assert_int_equal(rsa3_verify(g.n, g.s, q, g.q2, g.hash), -EBADMSG);
    memset(q, 0xff, 384);
    assert_int_equal(rsa3_verify(g.n, g.s, q, g.q2, g.hash), -EBADMSG);
    assert_int_equal(rsa3_verify(g.n, q, g.q1, g.q2, g.hash), -EBADMSG);
}

/* 0^3 = 0 is not a padded message. */
static void zeros_are_refused(void **state)
{
    static const uint8_t zero[384];
    assert_int_equal(rsa3_verify(zero, zero, zero, zero, g.hash), -EBADMSG);
    assert_int_equal(rsa3_verify(g.n, zero, zero, zero, g.hash), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_signature_verifies),
        cmocka_unit_test(any_changed_byte_is_refused),
        cmocka_unit_test(quotients_that_leave_the_range_are_refused),
        cmocka_unit_test(zeros_are_refused),
    };
    return cmocka_run_group_tests(tests, make_signature, NULL);
}
