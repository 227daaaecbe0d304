/*
 * Make the hierarchy of the software device: keys, certificates, revocation lists, TCB info, QE
 * identity. Everything is written into a folder beside, which is renamed into place when complete, under
 * a lock: a crash or a full disk leaves nothing half-made.
 */
#include "attest/soft/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"
#include "attest/soft/issue.h"
#include "attest/soft/qe.h"

#define MARK " - NOT HARDWARE"

enum { ROOT, PCK_CA, PCK, TCB_SIGNER, ATTESTATION, KEY_COUNT };
static const char *const g_key_files[KEY_COUNT] = { "root_ca.key", "pck_ca.key", "pck.key",
                                                    "tcb_signing.key", "attestation.key" };
static const char *const g_public_files[] = { "collateral/root_ca.pem",    "collateral/tcb_info.json",
                                              "collateral/pck_crl.der",    "collateral/root_ca_crl.der",
                                              "collateral/qe_identity.json",
                                              "collateral/tcb_issuer_chain.pem", "pck_chain.pem" };

struct hierarchy {
    EVP_PKEY *key[KEY_COUNT];
    X509 *cert[KEY_COUNT]; /* none for ATTESTATION */
};

static void hierarchy_fini(struct hierarchy *h)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        EVP_PKEY_free(h->key[i]);
        X509_free(h->cert[i]);
    }
}

static int make_hierarchy(struct hierarchy *h)
{
    uint8_t ppid[16];
    for (int i = 0; i < KEY_COUNT; i++)
        if (!(h->key[i] = EVP_EC_gen("P-256")))
            return -EIO;
    if (RAND_bytes(ppid, sizeof(ppid)) != 1)
        return -EIO;
    EVP_PKEY **k = h->key;
    h->cert[ROOT] = issue_certificate(
        &(struct issue_request){ "Cloister software SGX Root CA" MARK, k[ROOT], NULL, k[ROOT], 2, NULL });
    if (!h->cert[ROOT])
        return -EIO;
    h->cert[PCK_CA] = issue_certificate(&(struct issue_request){
        "Cloister software SGX PCK Platform CA" MARK, k[PCK_CA], h->cert[ROOT], k[ROOT], 1, NULL });
    h->cert[TCB_SIGNER] = issue_certificate(&(struct issue_request){
        "Cloister software SGX TCB Signing" MARK, k[TCB_SIGNER], h->cert[ROOT], k[ROOT], 0, NULL });
    if (!h->cert[PCK_CA] || !h->cert[TCB_SIGNER])
        return -EIO;
    h->cert[PCK] = issue_certificate(&(struct issue_request){
        "Cloister software SGX PCK Certificate" MARK, k[PCK], h->cert[PCK_CA], k[PCK_CA], 0, ppid });
    return h->cert[PCK] ? 0 : -EIO;
}

/* Write what a memory BIO holds; the BIO is taken. */
static int write_bio(const char *folder, const char *name, BIO *bio, mode_t mode)
{
    char path[SOFT_PATH_MAX];
    char *data;
    long size = bio ? BIO_get_mem_data(bio, &data) : 0;
    int ret = size > 0 ? soft_path(folder, name, path, sizeof(path)) : -EIO;
    if (ret == 0)
        ret = file_write(path, data, (size_t)size, mode);
    BIO_free(bio);
    return ret;
}

static int write_key(const char *folder, const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    return write_bio(folder, name, bio, 0600);
}

static int write_chain(const char *folder, const char *name, X509 *const certs[], size_t count)
{
    BIO *bio = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < count && bio; i++)
        if (PEM_write_bio_X509(bio, certs[i]) != 1) {
            BIO_free(bio);
            bio = NULL;
        }
    return write_bio(folder, name, bio, 0644);
}

static int write_bytes(const char *folder, const char *name, const void *data, int size)
{
    char path[SOFT_PATH_MAX];
    int ret = data && size > 0 ? soft_path(folder, name, path, sizeof(path)) : -EIO;
    return ret ? ret : file_write(path, data, (size_t)size, 0644);
}

static int write_crl(const char *folder, const char *name, X509 *issuer, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int size = issue_crl(issuer, key, &der);
    int ret = write_bytes(folder, name, der, size);
    OPENSSL_free(der);
    return ret;
}

static int write_document(const char *folder, const char *name, char *text)
{
    int ret = write_bytes(folder, name, text, text ? (int)strlen(text) : 0);
    free(text);
    return ret;
}

static int write_hierarchy(const char *dir, const struct hierarchy *h)
{
    X509 *const pck[] = { h->cert[PCK], h->cert[PCK_CA], h->cert[ROOT] };
    X509 *const signer[] = { h->cert[TCB_SIGNER], h->cert[ROOT] };
    uint8_t mrsigner[32];
    int ret = 0;
    soft_qe_mrsigner(mrsigner);
    for (int i = 0; i < KEY_COUNT && ret == 0; i++)
        ret = write_key(dir, g_key_files[i], h->key[i]);
    if (ret || (ret = write_chain(dir, "pck_chain.pem", pck, 3)) ||
        (ret = write_chain(dir, "collateral/root_ca.pem", &h->cert[ROOT], 1)) ||
        (ret = write_chain(dir, "collateral/tcb_issuer_chain.pem", signer, 2)) ||
        (ret = write_crl(dir, "collateral/root_ca_crl.der", h->cert[ROOT], h->key[ROOT])) ||
        (ret = write_crl(dir, "collateral/pck_crl.der", h->cert[PCK_CA], h->key[PCK_CA])) ||
        (ret = write_document(dir, "collateral/tcb_info.json", issue_tcb_info(h->key[TCB_SIGNER]))))
        return ret;
    return write_document(dir, "collateral/qe_identity.json",
                          issue_qe_identity(h->key[TCB_SIGNER], mrsigner));
}

static void remove_one(const char *dir, const char *name)
{
    char path[SOFT_PATH_MAX];
    if (soft_path(dir, name, path, sizeof(path)) == 0)
        unlink(path);
}

/* What a crashed maker left. */
static void remove_unfinished(const char *dir)
{
    char path[SOFT_PATH_MAX];
    for (int i = 0; i < KEY_COUNT; i++)
        remove_one(dir, g_key_files[i]);
    for (size_t i = 0; i < sizeof(g_public_files) / sizeof(g_public_files[0]); i++)
        remove_one(dir, g_public_files[i]);
    if (soft_path(dir, "collateral", path, sizeof(path)) == 0)
        rmdir(path);
    rmdir(dir);
}

static int make_folder(const char *dir)
{
    char path[SOFT_PATH_MAX];
    int ret = soft_path(dir, "collateral", path, sizeof(path));
    if (ret)
        return ret;
    return mkdir(dir, 0700) || mkdir(path, 0700) ? -errno : 0;
}

static int make(const char *folder, const char *final)
{
    char dir[SOFT_PATH_MAX];
    struct hierarchy h = { 0 };
    int ret = soft_path(folder, "pki.new", dir, sizeof(dir));
    if (ret)
        return ret;
    remove_unfinished(dir);
    ret = make_folder(dir);
    if (ret == 0)
        ret = make_hierarchy(&h);
    if (ret == 0)
        ret = write_hierarchy(dir, &h);
    if (ret == 0 && rename(dir, final))
        ret = -errno;
    if (ret)
        remove_unfinished(dir);
    hierarchy_fini(&h);
    return ret;
}

int soft_pki_ensure(const char *folder)
{
    char final[SOFT_PATH_MAX];
    int ret = soft_path(folder, "pki", final, sizeof(final));
    if (ret || access(final, F_OK) == 0)
        return ret;
    int lock = soft_lock(folder, "lock");
    if (lock < 0)
        return lock;
    if (access(final, F_OK))
        ret = make(folder, final);
    close(lock);
    return ret;
}

EVP_PKEY *soft_pki_key(const char *folder, const char *name)
{
    char path[SOFT_PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/pki/%s", folder, name) >= sizeof(path))
        return NULL;
    FILE *f = fopen(path, "re");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return key;
}
