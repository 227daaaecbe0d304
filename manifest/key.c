/*
 * Make, read and check enclave signing keys with OpenSSL. The key is a secret: it goes to a file
 * that is created with mode 0600 under a temporary name and renamed when complete, and nowhere
 * else. Start at key_load().
 */
#include "manifest/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "manifest/disk.h"

static EVP_PKEY *generate(void)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    if (ctx && e && BN_set_word(e, 3) && EVP_PKEY_keygen_init(ctx) > 0 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, KEY_BITS) > 0 &&
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0)
        EVP_PKEY_keygen(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return key;
}

int key_generate(const char *path, int overwrite, struct problem *why)
{
    int ret = -EIO;
    BIO *text = NULL;
    EVP_PKEY *key = NULL;
    char *bytes;
    if (!overwrite && access(path, F_OK) == 0)
        return problem_set(why, -EEXIST, "%s: exists already; -f overwrites it", path);
    ret = disk_make_parents(path, 0700, why);
    if (ret)
        return ret;
    key = generate();
    text = BIO_new(BIO_s_secmem());
    if (!key || !text ||
        !PEM_write_bio_PrivateKey_traditional(text, key, NULL, NULL, 0, NULL, NULL)) {
        ret = problem_set(why, -EIO, "%s: OpenSSL could not make a key", path);
        goto out;
    }
    long size = BIO_get_mem_data(text, &bytes);
    ret = disk_write(path, bytes, (size_t)size, 0600, why);
out:
    BIO_free(text);
    EVP_PKEY_free(key);
    return ret;
}

static int check_key(EVP_PKEY *key, const char *path, struct problem *why)
{
    BIGNUM *e = NULL;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return problem_set(why, -EINVAL,
                           "%s: not an RSA key; 'cloister keygen' makes one that fits", path);
    if (EVP_PKEY_get_bits(key) != KEY_BITS)
        return problem_set(
            why, -EINVAL,
            "%s: RSA key of %d bits, SGX needs exactly %d; 'cloister keygen' makes one that fits",
            path, EVP_PKEY_get_bits(key), KEY_BITS);
    bool three = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) && BN_is_word(e, 3);
    BN_free(e);
    if (!three)
        return problem_set(why, -EINVAL,
                           "%s: RSA key whose public exponent is not 3, as SGX needs; 'cloister "
                           "keygen' makes one that fits",
                           path);
    return 0;
}

/* Without a passphrase an encrypted key is an error, not a prompt on the terminal. */
static int no_prompt(char *buf, int size, int rwflag, void *arg)
{
    const char *passphrase = arg;
    size_t length = passphrase ? strlen(passphrase) : 0;
    if (!passphrase || length > (size_t)size)
        return -1;
    memcpy(buf, passphrase, length);
    return (int)length;
}

int key_load(const char *path, const char *passphrase, EVP_PKEY **out, struct problem *why)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return problem_set(why, -errno, "%s: %s%s", path, strerror(errno),
                           errno == ENOENT ? "; 'cloister keygen' makes a key" : "");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, no_prompt, (void *)passphrase);
    fclose(f);
    if (!key)
        return problem_set(why, -EINVAL, "%s: not a PEM private key, or its passphrase is wrong",
                           path);
    int ret = check_key(key, path, why);
    if (ret) {
        EVP_PKEY_free(key);
        return ret;
    }
    *out = key;
    return 0;
}
