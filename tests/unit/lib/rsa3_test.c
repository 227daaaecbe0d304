/* rsa3_verify against signatures made by OpenSSL with a fresh RSA-3072, e = 3 key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "lib/crypto/rsa3.h"
#include "lib/linux/errno.h"
#include "rsa3_sign.h"

static struct rsa3_signature g;
static uint8_t g_hash[32];

static int make_signature(void **state)
{
    SHA256((const uint8_t *)"message", 7, g_hash);
    return rsa3_sign(g_hash, &g);
}

static void a_right_signature_verifies(void **state)
{
    assert_int_equal(rsa3_verify(g.modulus, g.signature, g.q1, g.q2, g_hash), 0);
}

static void any_changed_byte_is_refused(void **state)
{
    uint8_t *parts[] = { g.modulus, g.signature, g.q1, g.q2, g_hash };
    for (size_t p = 0; p < 5; p++) {
        for (size_t i = 0; i < (p == 4 ? 32u : 384u); i += 7) {
            parts[p][i] ^= 0x10;
            assert_int_equal(rsa3_verify(g.modulus, g.signature, g.q1, g.q2, g_hash), -EBADMSG);
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
    assert_int_equal(rsa3_verify(g.modulus, g.signature, q, g.q2, g_hash), -EBADMSG);
    memset(q, 0, 384);
    assert_int_equal(rsa3_verify(g.modulus, g.signature, q, g.q2, g_hash), -EBADMSG);
    memset(q, 0xff, 384);
    assert_int_equal(rsa3_verify(g.modulus, g.signature, q, g.q2, g_hash), -EBADMSG);
    assert_int_equal(rsa3_verify(g.modulus, q, g.q1, g.q2, g_hash), -EBADMSG);
}

/* 0^3 = 0 is not a padded message. */
static void zeros_are_refused(void **state)
{
    static const uint8_t zero[384];
    assert_int_equal(rsa3_verify(zero, zero, zero, zero, g_hash), -EBADMSG);
    assert_int_equal(rsa3_verify(g.modulus, zero, zero, zero, g_hash), -EBADMSG);
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
