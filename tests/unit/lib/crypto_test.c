/*
 * Known answers of NIST and RFCs for lib/crypto. Compiled once for each back end: the OpenSSL one of
 * hosted programs and the IPsec-MB one of the trusted image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/crypto/aes.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/sha256.h"
#include "lib/linux/errno.h"

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, strlen(hex), out, n), 0);
    return n;
}

static void check_bytes(const void *got, const char *hex)
{
    uint8_t want[256];
    size_t n = unhex(hex, want);
    assert_memory_equal(got, want, n);
}

/* FIPS 180-4 examples. */
static void sha256_gives_the_answers_of_fips_180(void **state)
{
    static const struct {
        const char *message, *digest;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrl"
          "mnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t digest[32];
        sha256_digest(cases[i].message, strlen(cases[i].message), digest);
        check_bytes(digest, cases[i].digest);
    }
}

static void sha256_of_a_million_a_is_the_same_in_pieces_of_any_size(void **state)
{
    static uint8_t chunk[1000];
    static const size_t pieces[] = { 1, 63, 64, 65, 127, 128, 999, 1000 };
    memset(chunk, 'a', sizeof(chunk));
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct sha256 ctx;
        uint8_t digest[32];
        sha256_init(&ctx);
        for (size_t left = 1000000; left;) {
            size_t n = left < pieces[i] ? left : pieces[i];
            sha256_update(&ctx, chunk, n);
            left -= n;
        }
        sha256_final(&ctx, digest);
        check_bytes(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

static void sha256_blocks_equals_one_digest_at_a_time(void **state)
{
    static const size_t sizes[] = { 0, 1, 64, 100, 128, 4096 };
    uint8_t *data = malloc(37 * 4096);
    for (size_t i = 0; i < 37 * 4096; i++)
        data[i] = (uint8_t)(i * 7 + i / 4096);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (size_t count = 0; count <= 37; count++) {
            uint8_t many[37][32] = { { 0 } }, one[32];
            sha256_blocks(data, sizes[s], count, many);
            for (size_t i = 0; i < count; i++) {
                sha256_digest(data + i * sizes[s], sizes[s], one);
                assert_memory_equal(many[i], one, 32);
            }
        }
    }
    free(data);
}

/* RFC 4493 §4. */
static void cmac_gives_the_answers_of_rfc_4493(void **state)
{
    static const struct {
        size_t size;
        const char *mac;
    } cases[] = { { 0, "bb1d6929e95937287fa37d129b756746" },
                  { 16, "070a16b46b4d4144f79bdd9dd04a287c" },
                  { 40, "dfa66747de9ae63030ca32611497c827" },
                  { 64, "51f0bebf7e3b9d92fc49741779363cfe" } };
    uint8_t key[16], message[64], mac[16];
    unhex("2b7e151628aed2a6abf7158809cf4f3c", key);
    unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff6"
          "9f2445df4f9b17ad2b417be66c3710",
          message);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        aes128_cmac(key, message, cases[i].size, mac);
        check_bytes(mac, cases[i].mac);
    }
}

/* The metadata key of ../shared/vectors/pf/v2/size_0.pf (specs/encrypted-files.md §3.1). */
static void cmac_derives_the_key_of_a_known_encrypted_file(void **state)
{
    uint8_t key[16], message[104] = { 1 }, mac[16];
    unhex("ffeeddccbbaa99887766554433221100", key);
    memcpy(message + 4, "SGX-PROTECTED-FS-METADATA-KEY", 29);
    unhex("d661ed008986d0b03c0c57ceae78607abd9e042920db9a79a9c9ec7dee813788", message + 68);
    message[100] = 128;
    aes128_cmac(key, message, sizeof(message), mac);
    check_bytes(mac, "49e15faa65e0b809fe5a39bba0e021ff");
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 1 to 4. */
static const struct gcm_case {
    const char *key, *iv, *aad, *plain, *cipher, *tag;
} gcm_cases[] = {
    { "00000000000000000000000000000000", "000000000000000000000000", "", "", "",
      "58e2fccefa7e3061367f1d57a4e7455a" },
    { "00000000000000000000000000000000", "000000000000000000000000", "",
      "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
      "ab6e47d42cec13bdf53a67b21257bddf" },
    { "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16"
      "aedf5aa0de657ba637b391aafd255",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba"
      "30b396a0aac973d58e091473f5985",
      "4d5c2af327cd64a62cf35abd2ba6fab4" },
    { "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16"
      "aedf5aa0de657ba637b39",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba"
      "30b396a0aac973d58e091",
      "5bc94fbc3221a5db94fae95ae7121a47" },
};

static void gcm_gives_the_answers_of_its_authors(void **state)
{
    for (size_t i = 0; i < sizeof(gcm_cases) / sizeof(gcm_cases[0]); i++) {
        const struct gcm_case *c = &gcm_cases[i];
        uint8_t key[16], iv[12], aad[32], text[64], out[64], tag[16];
        unhex(c->key, key);
        unhex(c->iv, iv);
        size_t aad_size = unhex(c->aad, aad), size = unhex(c->plain, text);
        aes128_gcm_seal(key, iv, aad_size ? aad : NULL, aad_size, size ? text : NULL, size,
                        size ? out : NULL, tag);
        check_bytes(out, c->cipher);
        check_bytes(tag, c->tag);
        assert_int_equal(aes128_gcm_open(key, iv, aad, aad_size, out, size, out, tag), 0);
        assert_memory_equal(out, text, size);
    }
}

static void gcm_open_wipes_what_it_cannot_authenticate(void **state)
{
    uint8_t key[16] = { 1 }, iv[12] = { 2 }, aad[5] = { 3 }, text[100] = { 4 }, out[100], tag[16];
    static const uint8_t zero[100];
    aes128_gcm_seal(key, iv, aad, 5, text, 100, out, tag);
    for (int what = 0; what < 4; what++) {
        uint8_t bad_iv[12], bad_aad[5], bad_text[100], bad_tag[16];
        memcpy(bad_iv, iv, 12), memcpy(bad_aad, aad, 5), memcpy(bad_text, out, 100), memcpy(bad_tag, tag, 16);
        uint8_t *flip[] = { bad_iv + 11, bad_aad + 4, bad_text + 99, bad_tag + 15 };
        *flip[what] ^= 0x80;
        uint8_t plain[100] = { 9 };
        assert_int_equal(aes128_gcm_open(key, bad_iv, bad_aad, 5, bad_text, 100, plain, bad_tag), -EBADMSG);
        assert_memory_equal(plain, zero, 100);
    }
}

/* RFC 4231 test cases 1, 2 and 6. */
static void hmac_gives_the_answers_of_rfc_4231(void **state)
{
    uint8_t key[131], mac[32];
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, mac);
    check_bytes(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    check_bytes(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    hmac_sha256(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    check_bytes(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 5869 appendix A, cases 1 and 3. */
static void hkdf_gives_the_answers_of_rfc_5869(void **state)
{
    uint8_t secret[22], salt[13], info[10], out[42];
    memset(secret, 0x0b, 22);
    unhex("000102030405060708090a0b0c", salt);
    unhex("f0f1f2f3f4f5f6f7f8f9", info);
    hkdf_sha256(secret, 22, salt, 13, info, 10, out, 42);
    check_bytes(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    hkdf_sha256(secret, 22, NULL, 0, NULL, 0, out, 42);
    check_bytes(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static int choose_features(void **state)
{
    return crypto_init(crypto_features_detect());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_answers_of_fips_180),
        cmocka_unit_test(sha256_of_a_million_a_is_the_same_in_pieces_of_any_size),
        cmocka_unit_test(sha256_blocks_equals_one_digest_at_a_time),
        cmocka_unit_test(cmac_gives_the_answers_of_rfc_4493),
        cmocka_unit_test(cmac_derives_the_key_of_a_known_encrypted_file),
        cmocka_unit_test(gcm_gives_the_answers_of_its_authors),
        cmocka_unit_test(gcm_open_wipes_what_it_cannot_authenticate),
        cmocka_unit_test(hmac_gives_the_answers_of_rfc_4231),
        cmocka_unit_test(hkdf_gives_the_answers_of_rfc_5869),
    };
    return cmocka_run_group_tests(tests, choose_features, NULL);
}
