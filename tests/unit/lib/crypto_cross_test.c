/*
 * The trusted back end against OpenSSL on random input, for every set of CPU features this machine
 * has, with inputs that end at an unreadable page: the assembly must not read or write beyond them.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "lib/crypto/aes.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/sha256.h"
#include "lib/linux/errno.h"

#define AREA (64 << 10)

static uint8_t *g_end[4]; /* each: AREA bytes before it, an unreadable page after it */

static int map_areas(void **state)
{
    for (size_t i = 0; i < 4; i++) {
        uint8_t *p = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + AREA, 4096, PROT_NONE))
            return -1;
        g_end[i] = p + AREA;
    }
    return 0;
}

/* Run a check under each subset of features that the machine has. */
static void for_each_feature_set(void (*check)(void))
{
    static const uint32_t sets[] = {
        CRYPTO_AES, CRYPTO_AES | CRYPTO_SHA, CRYPTO_AES | CRYPTO_AVX2, CRYPTO_AES | CRYPTO_SHA | CRYPTO_AVX2,
        CRYPTO_AES | CRYPTO_AVX2 | CRYPTO_AVX512, CRYPTO_AES | CRYPTO_AVX2 | CRYPTO_AVX512 | CRYPTO_VAES,
        CRYPTO_AES | CRYPTO_SHA | CRYPTO_AVX2 | CRYPTO_AVX512 | CRYPTO_VAES,
    };
    uint32_t have = crypto_features_detect();
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if ((sets[i] & have) != sets[i])
            continue;
        assert_int_equal(crypto_init(sets[i]), 0);
        check();
    }
}

static void openssl_seal(const uint8_t *key, const uint8_t *iv, const uint8_t *aad, size_t aad_size,
                         const uint8_t *in, size_t size, uint8_t *out, uint8_t *tag)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv), 1);
    if (aad_size)
        assert_int_equal(EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_size), 1);
    if (size)
        assert_int_equal(EVP_EncryptUpdate(c, out, &n, in, (int)size), 1);
    assert_int_equal(EVP_EncryptFinal_ex(c, out + size, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
    EVP_CIPHER_CTX_free(c);
}

static void check_gcm_of(size_t size, size_t aad_size)
{
    uint8_t key[16], tag[16];
    static uint8_t want[AREA + 16];
    uint8_t *in = g_end[0] - size, *out = g_end[1] - size, *iv = g_end[2] - 12, *aad = g_end[3] - aad_size;

    RAND_bytes(key, 16), RAND_bytes(in, (int)size), RAND_bytes(iv, 12), RAND_bytes(aad, (int)aad_size);
    uint8_t want_tag[16];
    openssl_seal(key, iv, aad, aad_size, in, size, want, want_tag);
    aes128_gcm_seal(key, iv, aad, aad_size, in, size, out, tag);
    assert_memory_equal(out, want, size);
    assert_memory_equal(tag, want_tag, 16);
    assert_int_equal(aes128_gcm_open(key, iv, aad, aad_size, out, size, out, tag), 0);
    assert_memory_equal(out, in, size);
    aes128_gcm_seal(key, iv, aad, aad_size, in, size, in, tag);
    assert_memory_equal(in, want, size);
    tag[size % 16] ^= 1;
    assert_int_equal(aes128_gcm_open(key, iv, aad, aad_size, in, size, in, tag), -EBADMSG);
}

static void check_gcm(void)
{
    static const size_t large[] = { 255, 256, 511, 767, 768, 769, 1024, 2047, 4096, 8191, 8192, 8193, 16384, 65519, 65536 };
    for (size_t size = 0; size < 200; size++)
        check_gcm_of(size, size % 49);
    for (size_t aad = 0; aad < 1100; aad += 13)
        check_gcm_of(50, aad);
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        check_gcm_of(large[i], i);
    for (size_t size = 8192; size < 8192 + 800; size += 7) /* VAES: 48 blocks at a time */
        check_gcm_of(size, size % 17);
}

static void gcm_agrees_with_openssl_and_reads_nothing_beyond_its_input(void **state)
{
    for_each_feature_set(check_gcm);
}

static void check_cmac(void)
{
    for (size_t size = 0; size < 600; size++) {
        uint8_t key[16], mac[16], want[16], *in = g_end[0] - size;
        size_t n;
        RAND_bytes(key, 16), RAND_bytes(in, (int)size);
        aes128_cmac(key, in, size, mac);
        assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, size ? in : (uint8_t *)"", size, want, 16, &n));
        assert_memory_equal(mac, want, 16);
    }
}

static void cmac_agrees_with_openssl(void **state)
{
    for_each_feature_set(check_cmac);
}

static void check_sha256(void)
{
    for (size_t size = 0; size < 700; size++) {
        uint8_t *in = g_end[0] - size, got[32], want[32];
        struct sha256 ctx;
        RAND_bytes(in, (int)size);
        sha256_init(&ctx);
        sha256_update(&ctx, in, size / 3);
        sha256_update(&ctx, in + size / 3, size - size / 3);
        sha256_final(&ctx, got);
        SHA256(in, size, want);
        assert_memory_equal(got, want, 32);
    }
}

static void sha256_agrees_with_openssl(void **state)
{
    for_each_feature_set(check_sha256);
}

static void check_blocks(void)
{
    for (size_t count = 0; count <= 40; count++) {
        size_t block = 64 * (1 + count % 24);
        uint8_t *in = g_end[0] - block * count, want[32];
        uint8_t(*out)[32] = (uint8_t(*)[32])(g_end[1] - 32 * count);
        RAND_bytes(in, (int)(block * count));
        sha256_blocks(in, block, count, out);
        for (size_t i = 0; i < count; i++) {
            SHA256(in + i * block, block, want);
            assert_memory_equal(out[i], want, 32);
        }
    }
}

static void sha256_blocks_agrees_with_openssl(void **state)
{
    for_each_feature_set(check_blocks);
}

static void check_hmac(void)
{
    for (size_t size = 0; size < 200; size++) {
        uint8_t key[200], data[200], got[32], want[32];
        unsigned n;
        RAND_bytes(key, 200), RAND_bytes(data, 200);
        hmac_sha256(key, size, data, 200 - size, got);
        HMAC(EVP_sha256(), key, (int)size, data, 200 - size, want, &n);
        assert_memory_equal(got, want, 32);
    }
}

static void hmac_agrees_with_openssl(void **state)
{
    for_each_feature_set(check_hmac);
}

static void crypto_init_refuses_a_cpu_without_aes_instructions(void **state)
{
    assert_int_equal(crypto_init(CRYPTO_SHA | CRYPTO_AVX2), -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcm_agrees_with_openssl_and_reads_nothing_beyond_its_input),
        cmocka_unit_test(cmac_agrees_with_openssl),
        cmocka_unit_test(sha256_agrees_with_openssl),
        cmocka_unit_test(sha256_blocks_agrees_with_openssl),
        cmocka_unit_test(hmac_agrees_with_openssl),
        cmocka_unit_test(crypto_init_refuses_a_cpu_without_aes_instructions),
    };
    return cmocka_run_group_tests(tests, map_areas, NULL);
}
