/* SIGSTRUCT, ECREATE's and EINIT's checks, EGETKEY and REPORT, by the SDM's conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/crypto/sha256.h"
#include "lib/linux/errno.h"
#include "lib/sgx/report.h"
#include "lib/sgx/secs.h"
#include "lib/sgx/sigstruct.h"
#include "rsa3_sign.h"
#include "sgx_sample.h"

static struct sample g_sample;
static struct sgx_sigstruct g_sig;
static const uint8_t mrenclave[32] = "the measurement of an enclave";

static void sign(struct sgx_sigstruct *s)
{
    uint8_t message[SIGSTRUCT_SIGNED_SIZE], hash[32];
    struct rsa3_signature rsa;

    sigstruct_signed_bytes(s, message);
    sha256_digest(message, sizeof(message), hash);
    assert_int_equal(rsa3_sign(hash, &rsa), 0);
    memcpy(s->modulus, rsa.modulus, 384);
    memcpy(s->signature, rsa.signature, 384);
    memcpy(s->q1, rsa.q1, 384);
    memcpy(s->q2, rsa.q2, 384);
}

static int make_signed(void **state)
{
    sample_make(&g_sample, 1 << 20, 1, 0);
    sigstruct_fill(&g_sig, &g_sample.plan, mrenclave, sigstruct_date(2024, 12, 31));
    sign(&g_sig);
    return 0;
}

static void sigstruct_has_the_bytes_of_the_sdm(void **state)
{
    static const uint8_t start[44] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                       0x31, 0x12, 0x24, 0x20,
                                       1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
    const uint8_t *s = (const uint8_t *)&g_sig;
    uint8_t message[256];

    assert_memory_equal(s, start, sizeof(start));
    assert_int_equal(load_le32(s + 512), 3);
    assert_int_equal(load_le32(s + 904), 0xffffffff);
    assert_int_equal(load_le64(s + 928), 4);
    assert_int_equal(load_le64(s + 936), 3);
    assert_int_equal(load_le64(s + 944), UINT64_MAX);
    assert_int_equal(load_le64(s + 952), 0xfffffffffff9ff1b);
    assert_memory_equal(s + 960, mrenclave, 32);
    assert_int_equal(load_le16(s + 1024), 7);
    assert_int_equal(load_le16(s + 1026), 5);
    sigstruct_signed_bytes(&g_sig, message);
    assert_memory_equal(message, s, 128);
    assert_memory_equal(message + 128, s + 900, 128);
}

static void sigstruct_is_refused_as_einit_refuses_it(void **state)
{
    static const struct {
        size_t at;
        enum sgx_error want;
    } cases[] = {
        { 0, SGX_INVALID_SIG_STRUCT },    { 16, SGX_INVALID_SIG_STRUCT },   { 24, SGX_INVALID_SIG_STRUCT },
        { 44, SGX_INVALID_SIG_STRUCT },   { 127, SGX_INVALID_SIG_STRUCT },  { 512, SGX_INVALID_SIG_STRUCT },
        { 910, SGX_INVALID_SIG_STRUCT },  { 992, SGX_INVALID_SIG_STRUCT },  { 1028, SGX_INVALID_SIG_STRUCT },
        { 1039, SGX_INVALID_SIG_STRUCT }, { 20, SGX_INVALID_SIGNATURE },    { 40, SGX_INVALID_SIGNATURE },
        { 128, SGX_INVALID_SIGNATURE },   { 600, SGX_INVALID_SIGNATURE },   { 900, SGX_INVALID_SIGNATURE },
        { 928, SGX_INVALID_SIGNATURE },   { 960, SGX_INVALID_SIGNATURE },   { 1026, SGX_INVALID_SIGNATURE },
        { 1040, SGX_INVALID_SIGNATURE },  { 1807, SGX_INVALID_SIGNATURE },
    };
    assert_int_equal(sigstruct_verify(&g_sig), SGX_SUCCESS);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct sgx_sigstruct s = g_sig;
        ((uint8_t *)&s)[cases[i].at] ^= 0x40;
        assert_int_equal(sigstruct_verify(&s), cases[i].want);
    }
    struct sgx_sigstruct intel = g_sig;
    intel.vendor = 0x8086;
    sign(&intel);
    assert_int_equal(sigstruct_verify(&intel), SGX_SUCCESS);
}

static struct sgx_secs good_secs(void)
{
    return (struct sgx_secs){ .size = 1 << 20, .ssa_frame_size = 4, .attributes = { SGX_FLAG_MODE64BIT, 3 } };
}

static void ecreate_checks_the_secs(void **state)
{
    struct sgx_secs s = good_secs();
    assert_int_equal(secs_check(&s, 7), 0);
#define REFUSED(change)                                                                            \
    s = good_secs();                                                                               \
    change;                                                                                        \
    assert_int_equal(secs_check(&s, 7), -EINVAL)
    REFUSED(s.size = 4096);
    REFUSED(s.size = 3 << 19);
    REFUSED(s.base = 4096);
    REFUSED(s.ssa_frame_size = 0);
    REFUSED(s.attributes.flags |= SGX_FLAG_INIT);
    REFUSED(s.attributes.flags |= 8);
    REFUSED(s.attributes.flags = 0);
    REFUSED(s.attributes.xfrm = 1);
    REFUSED(s.attributes.xfrm = 0x10003);
    REFUSED(s.attributes.xfrm = 0xe7); /* the machine has no AVX-512 */
    REFUSED(s.miscselect = 2);
    REFUSED(s.config_svn = 1);
    REFUSED(s.config_id[0] = 1);
    REFUSED(s.reserved3[3833] = 1);
    REFUSED(s.isv_family_id[0] = 1);
#undef REFUSED
    s = good_secs();
    s.attributes.xfrm = 0x27; /* opmask without the rest */
    assert_int_equal(secs_check(&s, UINT64_MAX), -EINVAL);
    s.attributes.xfrm = SGX_XFRM_LEGACY | SGX_XFRM_AMX;
    assert_int_equal(secs_check(&s, UINT64_MAX), 0);
    s.ssa_frame_size = 2;
    assert_int_equal(secs_check(&s, UINT64_MAX), -EINVAL);
    assert_int_equal(secs_ssa_pages(3, 0), 1);
    assert_int_equal(secs_ssa_pages(0xe7, SGX_MISC_EXINFO), 1);
    assert_int_equal(secs_ssa_pages(0x602e7, SGX_MISC_EXINFO), 3);
}

static void einit_compares_what_the_masks_select(void **state)
{
    struct sgx_secs s = good_secs(), before;
    uint8_t other[32] = { 0 };

    before = s;
    assert_int_equal(secs_einit(&s, other, &g_sig), SGX_INVALID_MEASUREMENT);
    assert_memory_equal(&s, &before, sizeof(s));
    s.attributes.flags |= SGX_FLAG_DEBUG;
    assert_int_equal(secs_einit(&s, mrenclave, &g_sig), SGX_INVALID_ATTRIBUTE);
    s = good_secs();
    s.attributes.xfrm |= SGX_XFRM_PKRU; /* selected by the mask */
    assert_int_equal(secs_einit(&s, mrenclave, &g_sig), SGX_INVALID_ATTRIBUTE);
    s = good_secs();
    s.miscselect = SGX_MISC_EXINFO;
    assert_int_equal(secs_einit(&s, mrenclave, &g_sig), SGX_INVALID_ATTRIBUTE);
    s = good_secs();
    s.attributes.xfrm |= SGX_XFRM_AVX512; /* don't care */
    assert_int_equal(secs_einit(&s, mrenclave, &g_sig), SGX_SUCCESS);
    assert_true(s.attributes.flags & SGX_FLAG_INIT);
    assert_int_equal(s.isv_prod_id, 7);
    assert_int_equal(s.isv_svn, 5);
    assert_memory_equal(s.mrenclave, mrenclave, 32);
    sha256_digest(g_sig.modulus, 384, other);
    assert_memory_equal(s.mrsigner, other, 32);
}

static const struct sgx_platform platform = { .secret = { 1, 2, 3 }, .cpusvn = { 5, 5 }, .report_keyid = { 9 } };

static struct sgx_secs running(void)
{
    struct sgx_secs s = good_secs();
    s.attributes.flags |= SGX_FLAG_INIT;
    memset(s.mrenclave, 0xaa, 32);
    memset(s.mrsigner, 0xbb, 32);
    s.isv_prod_id = 1;
    s.isv_svn = 3;
    return s;
}

static struct sgx_keyrequest seal_request(uint16_t policy)
{
    return (struct sgx_keyrequest){ .keyname = SGX_KEY_SEAL, .keypolicy = policy, .isv_svn = 3, .cpusvn = { 5, 5 },
                                    .attribute_mask = { UINT64_MAX, 0x3 }, .miscmask = UINT32_MAX };
}

/* Does the seal key under a policy change with this change to the enclave? */
static bool seal_depends(uint16_t policy, void (*change)(struct sgx_secs *))
{
    struct sgx_secs a = running(), b = running();
    struct sgx_keyrequest r = seal_request(policy);
    uint8_t ka[16], kb[16];
    a.attributes.flags |= SGX_FLAG_KSS;
    b.attributes.flags |= SGX_FLAG_KSS;
    change(&b);
    assert_int_equal(keys_egetkey(&platform, &a, &r, ka), 0);
    assert_int_equal(keys_egetkey(&platform, &b, &r, kb), 0);
    return memcmp(ka, kb, 16) != 0;
}

static void change_mrenclave(struct sgx_secs *s) { s->mrenclave[0] ^= 1; }
static void change_mrsigner(struct sgx_secs *s) { s->mrsigner[0] ^= 1; }
static void change_prodid(struct sgx_secs *s) { s->isv_prod_id++; }
static void change_svn(struct sgx_secs *s) { s->isv_svn++; }
static void change_debug(struct sgx_secs *s) { s->attributes.flags ^= SGX_FLAG_DEBUG; }
static void change_avx(struct sgx_secs *s) { s->attributes.xfrm ^= SGX_XFRM_AVX; }
static void change_config(struct sgx_secs *s) { s->config_id[5] ^= 1; }
static void change_family(struct sgx_secs *s) { s->isv_family_id[5] ^= 1; }
static void change_ext(struct sgx_secs *s) { s->isv_ext_prod_id[5] ^= 1; }

static void seal_keys_depend_on_what_the_policy_names(void **state)
{
    static const struct {
        void (*change)(struct sgx_secs *);
        uint16_t policy;
        bool with, without; /* does the key change with and without that policy bit */
    } rows[] = {
        { change_mrenclave, SGX_POLICY_MRENCLAVE, true, false },
        { change_mrsigner, SGX_POLICY_MRSIGNER, true, false },
        { change_prodid, SGX_POLICY_NOISVPRODID, false, true },
        { change_config, SGX_POLICY_CONFIGID, true, false },
        { change_family, SGX_POLICY_ISVFAMILYID, true, false },
        { change_ext, SGX_POLICY_ISVEXTPRODID, true, false },
        { change_svn, SGX_POLICY_MRSIGNER, false, false }, /* the request's version counts */
        { change_avx, SGX_POLICY_MRSIGNER, false, false }, /* masked out */
        { change_debug, SGX_POLICY_MRSIGNER, true, true },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(seal_depends(rows[i].policy, rows[i].change), rows[i].with);
        assert_int_equal(seal_depends(0, rows[i].change), rows[i].without);
    }
}

static void debug_counts_even_when_masked_out(void **state)
{
    struct sgx_secs a = running(), b = running();
    struct sgx_keyrequest r = seal_request(SGX_POLICY_MRSIGNER);
    uint8_t ka[16], kb[16];
    r.attribute_mask = (struct sgx_attributes){ 0, 0 };
    change_debug(&b);
    assert_int_equal(keys_egetkey(&platform, &a, &r, ka), 0);
    assert_int_equal(keys_egetkey(&platform, &b, &r, kb), 0);
    assert_memory_not_equal(ka, kb, 16);
}

static int get(struct sgx_secs s, struct sgx_keyrequest r)
{
    uint8_t key[16];
    return keys_egetkey(&platform, &s, &r, key);
}

static void egetkey_refuses_as_the_sdm_says(void **state)
{
    struct sgx_secs s = running();
    struct sgx_keyrequest r = seal_request(1), good = r;

#define REFUSED(change, want)                                                                      \
    r = good;                                                                                      \
    change;                                                                                        \
    assert_int_equal(get(s, r), want)
    REFUSED(r.isv_svn = 4, SGX_INVALID_ISVSVN);
    REFUSED(r.isv_svn = 2, 0);
    REFUSED(r.cpusvn[1] = 6, SGX_INVALID_CPUSVN);
    REFUSED(r.cpusvn[15] = 1, SGX_INVALID_CPUSVN);
    REFUSED(r.cpusvn[0] = 4, 0);
    REFUSED(r.keyname = 5, SGX_INVALID_KEYNAME);
    REFUSED(r.keyname = SGX_KEY_PROVISION, SGX_INVALID_ATTRIBUTE);
    REFUSED(r.keyname = SGX_KEY_PROVISION_SEAL, SGX_INVALID_ATTRIBUTE);
    REFUSED(r.keyname = SGX_KEY_EINITTOKEN, SGX_INVALID_ATTRIBUTE);
    REFUSED(r.reserved1 = 1, -EFAULT);
    REFUSED(r.reserved2[433] = 1, -EFAULT);
    REFUSED(r.keypolicy = 0x40, -EFAULT);
    REFUSED(r.keypolicy = SGX_POLICY_CONFIGID, -EFAULT); /* no KSS */
    REFUSED(r.config_svn = 1, -EFAULT);
    s.attributes.flags |= SGX_FLAG_KSS | SGX_FLAG_PROVISIONKEY | SGX_FLAG_EINITTOKEN_KEY;
    REFUSED(r.config_svn = 1, SGX_INVALID_ISVSVN);
    REFUSED(r.keyname = SGX_KEY_PROVISION, 0);
    REFUSED(r.keyname = SGX_KEY_PROVISION_SEAL, 0);
    REFUSED(r.keyname = SGX_KEY_EINITTOKEN, 0);
#undef REFUSED
}

static void every_field_of_a_seal_request_matters(void **state)
{
    struct sgx_secs s = running();
    struct sgx_platform other = platform;
    struct sgx_keyrequest r[8];
    uint8_t keys[9][16];

    for (size_t i = 0; i < 8; i++)
        r[i] = seal_request(SGX_POLICY_MRSIGNER);
    r[1].keyid[31] = 1;
    r[2].isv_svn = 2;
    r[3].cpusvn[0] = 4;
    r[4].attribute_mask.flags = 3;
    r[5].miscmask = 0;
    r[6].keypolicy = 3;
    s.attributes.flags |= SGX_FLAG_PROVISIONKEY;
    r[7].keyname = SGX_KEY_PROVISION_SEAL;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(keys_egetkey(&platform, &s, &r[i], keys[i]), 0);
    other.secret[31] = 1;
    assert_int_equal(keys_egetkey(&other, &s, &r[0], keys[8]), 0);
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], 16);
}

/* Our own derivation must not drift: sealed files outlive releases. Computed once by other means (Python
 * and openssl mac) from the structure in keys.c. */
static void the_derivation_is_frozen(void **state)
{
    static const uint8_t want[16] = { 0x07, 0xec, 0xa0, 0x40, 0xbb, 0xe2, 0x4c, 0xbf, 0x33, 0xe0, 0xa1, 0x5c, 0x41, 0x48, 0x34, 0xaf };
    struct sgx_secs s = running();
    struct sgx_keyrequest r = seal_request(SGX_POLICY_MRENCLAVE);
    uint8_t key[16];
    assert_int_equal(keys_egetkey(&platform, &s, &r, key), 0);
    assert_memory_equal(key, want, 16);
}

static void only_the_target_can_check_a_report(void **state)
{
    struct sgx_secs a = running(), b = running();
    struct sgx_keyrequest r = { .keyname = SGX_KEY_REPORT };
    struct sgx_targetinfo target;
    struct sgx_report of_b, report;
    uint8_t key[16], data[64] = "bound to this";

    b.mrenclave[3] = 7;
    report_make(&platform, &b, &(struct sgx_targetinfo){ 0 }, data, &of_b);
    report_to_target(&of_b.body, &target);
    report_make(&platform, &a, &target, data, &report);
    assert_memory_equal(report.body.mrenclave, a.mrenclave, 32);
    assert_memory_equal(report.body.reportdata, data, 64);
    assert_memory_equal(report.keyid, platform.report_keyid, 32);
    memcpy(r.keyid, report.keyid, 32);

    assert_int_equal(keys_egetkey(&platform, &b, &r, key), 0);
    assert_int_equal(report_verify(&report, key), 0);
    report.body.isv_svn++;
    assert_int_equal(report_verify(&report, key), -EBADMSG);
    report.body.isv_svn--;
    assert_int_equal(keys_egetkey(&platform, &a, &r, key), 0);
    assert_int_equal(report_verify(&report, key), -EBADMSG);
    r.keyid[0] ^= 1;
    assert_int_equal(keys_egetkey(&platform, &b, &r, key), 0);
    assert_int_equal(report_verify(&report, key), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigstruct_has_the_bytes_of_the_sdm),
        cmocka_unit_test(sigstruct_is_refused_as_einit_refuses_it),
        cmocka_unit_test(ecreate_checks_the_secs),
        cmocka_unit_test(einit_compares_what_the_masks_select),
        cmocka_unit_test(seal_keys_depend_on_what_the_policy_names),
        cmocka_unit_test(debug_counts_even_when_masked_out),
        cmocka_unit_test(egetkey_refuses_as_the_sdm_says),
        cmocka_unit_test(every_field_of_a_seal_request_matters),
        cmocka_unit_test(the_derivation_is_frozen),
        cmocka_unit_test(only_the_target_can_check_a_report),
    };
    return cmocka_run_group_tests(tests, make_signed, NULL);
}
