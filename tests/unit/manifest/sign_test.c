/* Keys that fit and keys that do not; dates; a SIGSTRUCT that EINIT would take. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "manifest/key.h"
#include "manifest/manifest.h"
#include "manifest/sign.h"

static char g_dir[] = "/tmp/cloister-sign-XXXXXX";

static int set_up(void **state)
{
    return mkdtemp(g_dir) && chdir(g_dir) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", g_dir);
    return chdir("/") || system(command);
}

static void a_made_key_is_private_and_fits(void **state)
{
    struct problem why;
    struct stat st;
    EVP_PKEY *key = NULL;
    assert_int_equal(key_generate("sub/dir/key.pem", 0, &why), 0);
    assert_int_equal(stat("sub/dir/key.pem", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat("sub", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(key_load("sub/dir/key.pem", NULL, &key, &why), 0);
    EVP_PKEY_free(key);
    assert_int_equal(key_generate("sub/dir/key.pem", 0, &why), -EEXIST);
    assert_int_equal(key_generate("sub/dir/key.pem", 1, &why), 0);
}

static void write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
    FILE *f = fopen(path, "w");
    assert_true(PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL, (void *)passphrase));
    fclose(f);
}

static void keys_that_sgx_cannot_use_are_refused(void **state)
{
    struct problem why;
    EVP_PKEY *key = NULL, *out = NULL;
    key = EVP_RSA_gen(2048);
    write_key("small.pem", key, NULL);
    EVP_PKEY_free(key);
    assert_int_equal(key_load("small.pem", NULL, &out, &why), -EINVAL);
    assert_string_equal(why.text, "small.pem: RSA key of 2048 bits, SGX needs exactly 3072; 'cloister keygen' makes one that fits");
    key = EVP_RSA_gen(3072);
    write_key("e.pem", key, NULL);
    EVP_PKEY_free(key);
    assert_int_equal(key_load("e.pem", NULL, &out, &why), -EINVAL);
    assert_non_null(strstr(why.text, "public exponent is not 3"));
    key = EVP_EC_gen("P-256");
    write_key("ec.pem", key, NULL);
    EVP_PKEY_free(key);
    assert_int_equal(key_load("ec.pem", NULL, &out, &why), -EINVAL);
    assert_non_null(strstr(why.text, "not an RSA key"));
    assert_int_equal(key_load("none.pem", NULL, &out, &why), -ENOENT);
    FILE *f = fopen("garbage.pem", "w");
    fputs("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", f);
    fclose(f);
    assert_int_equal(key_load("garbage.pem", NULL, &out, &why), -EINVAL);
}

static void an_encrypted_key_needs_its_passphrase(void **state)
{
    struct problem why;
    EVP_PKEY *key = NULL, *out = NULL;
    assert_int_equal(key_generate("plain.pem", 0, &why), 0);
    assert_int_equal(key_load("plain.pem", NULL, &key, &why), 0);
    write_key("locked.pem", key, "secret");
    EVP_PKEY_free(key);
    assert_int_equal(key_load("locked.pem", NULL, &out, &why), -EINVAL);
    assert_int_equal(key_load("locked.pem", "wrong", &out, &why), -EINVAL);
    assert_int_equal(key_load("locked.pem", "secret", &out, &why), 0);
    EVP_PKEY_free(out);
}

static void dates_are_parsed_strictly(void **state)
{
    uint32_t date;
    assert_int_equal(sign_parse_date("2024-12-31", &date), 0);
    assert_int_equal(date, 0x20241231);
    assert_int_equal(sign_parse_date("0000-00-00", &date), 0);
    assert_int_equal(date, 0);
    assert_int_equal(sign_parse_date("Today", &date), 0);
    assert_int_equal(sign_parse_date("2024-1-1", &date), -EINVAL);
    assert_int_equal(sign_parse_date("2024-12-3x", &date), -EINVAL);
    assert_int_equal(sign_parse_date("", &date), -EINVAL);
}

static void a_signature_says_what_the_plan_says_and_verifies(void **state)
{
    static const char text[] = "libos.entrypoint = \"/x\"\nsgx.debug = true\nsgx.isvprodid = 7\nsgx.isvsvn = 9\n";
    struct manifest *m = NULL;
    struct problem why;
    struct plan plan;
    struct sgx_sigstruct sig;
    uint8_t *bytes, mrenclave[32] = { 1, 2, 3 };
    size_t size;
    EVP_PKEY *key = NULL;
    assert_int_equal(manifest_parse("m", text, strlen(text), &m, &why), 0);
    assert_int_equal(manifest_to_plan(m, 0, &bytes, &size, &why), 0);
    assert_int_equal(plan_open(bytes, size, &plan), 0);
    assert_int_equal(key_load("plain.pem", NULL, &key, &why), 0);
    assert_int_equal(sign_sigstruct(key, &plan, mrenclave, 0x20240229, &sig, &why), 0);
    assert_int_equal(sigstruct_verify(&sig), SGX_SUCCESS);
    assert_int_equal(sig.isv_prod_id, 7);
    assert_int_equal(sig.isv_svn, 9);
    assert_int_equal(sig.attributes.flags, 6);
    assert_memory_equal(sig.enclavehash, mrenclave, 32);
    sig.enclavehash[0] ^= 1;
    assert_int_equal(sigstruct_verify(&sig), SGX_INVALID_SIGNATURE);
    EVP_PKEY_free(key);
    free(bytes);
    manifest_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_key_is_private_and_fits),
        cmocka_unit_test(keys_that_sgx_cannot_use_are_refused),
        cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
        cmocka_unit_test(dates_are_parsed_strictly),
        cmocka_unit_test(a_signature_says_what_the_plan_says_and_verifies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
