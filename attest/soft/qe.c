/*
 * The software quoting enclave. Reports come from anyone who can connect and are hostile until
 * their MAC is checked with the device's secret; keys come from the user's own state folder.
 */
#include "attest/soft/qe.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "attest/dcap/ecdsa.h"
#include "attest/dcap/quote.h"
#include "attest/file.h"
#include "attest/soft/issue.h"
#include "attest/soft/pki.h"
#include "attest/soft/report_mac.h"
#include "lib/base/bytes.h"

#define AUTH_SIZE     32 /* 00 01 .. 1f, as Intel's quoting enclave has it */
#define QE_ATTRIBUTES (SGX_FLAG_INIT | SGX_FLAG_MODE64BIT | SGX_FLAG_PROVISIONKEY)
#define QE_XFRM       UINT64_C(3)

struct soft_qe {
    uint8_t device_key[SOFT_DEVICE_KEY_SIZE];
    EVP_PKEY *attestation, *pck;
    uint8_t point[P256_POINT_SIZE]; /* of the attestation key */
    uint8_t id[16];                 /* stable per state folder: user data of the quote header */
    uint8_t *chain;                 /* PEM */
    size_t chain_size;
};

static void name_hash(const char *name, uint8_t out[32])
{
    SHA256((const uint8_t *)name, strlen(name), out);
}

void soft_qe_mrsigner(uint8_t mrsigner[32])
{
    name_hash("Cloister software quoting enclave: MRSIGNER - NOT HARDWARE", mrsigner);
}

static void qe_mrenclave(uint8_t mrenclave[32])
{
    name_hash("Cloister software quoting enclave: MRENCLAVE - NOT HARDWARE", mrenclave);
}

void soft_qe_target_info(uint8_t target[SOFT_TARGETINFO_SIZE])
{
    memset(target, 0, SOFT_TARGETINFO_SIZE);
    qe_mrenclave(target);
    store_le64(target + 32, QE_ATTRIBUTES);
    store_le64(target + 40, QE_XFRM);
}

void soft_qe_key_id(const struct soft_qe *qe, uint8_t id[32])
{
    SHA256(qe->point + 1, 64, id);
}

static int load(const char *folder, struct soft_qe *qe)
{
    char path[SOFT_PATH_MAX];
    uint8_t hash[32];
    int ret = attest_soft_device_key(folder, qe->device_key);
    if (ret == 0)
        ret = soft_pki_ensure(folder);
    if (ret == 0)
        ret = soft_path(folder, "pki/pck_chain.pem", path, sizeof(path));
    if (ret == 0)
        ret = file_read(path, SOFT_QUOTE_MAX / 2, &qe->chain, &qe->chain_size);
    if (ret)
        return ret;
    qe->attestation = soft_pki_key(folder, "attestation.key");
    qe->pck = soft_pki_key(folder, "pck.key");
    if (!qe->attestation || !qe->pck || p256_key_point(qe->attestation, qe->point))
        return -EIO;
    soft_qe_key_id(qe, hash);
    memcpy(qe->id, hash, sizeof(qe->id));
    return 0;
}

int soft_qe_new(const char *folder, struct soft_qe **out)
{
    struct soft_qe *qe = calloc(1, sizeof(*qe));
    int ret = qe ? load(folder, qe) : -ENOMEM;
    if (ret) {
        soft_qe_free(qe);
        qe = NULL;
    }
    *out = qe;
    return ret;
}

void soft_qe_free(struct soft_qe *qe)
{
    if (!qe)
        return;
    EVP_PKEY_free(qe->attestation);
    EVP_PKEY_free(qe->pck);
    free(qe->chain);
    bytes_wipe(qe, sizeof(*qe));
    free(qe);
}

size_t soft_qe_quote_size(const struct soft_qe *qe)
{
    return 436 + 64 + 64 + REPORT_BODY_SIZE + 64 + 2 + AUTH_SIZE + 2 + 4 + qe->chain_size;
}

/* The quoting enclave's own report, which binds the attestation key. */
static int make_qe_report(const struct soft_qe *qe, const uint8_t auth[AUTH_SIZE], uint8_t *report)
{
    uint8_t bound[64 + AUTH_SIZE];
    memset(report, 0, REPORT_BODY_SIZE);
    memset(report + REPORT_CPUSVN, SOFT_COMPONENT, 16);
    store_le64(report + REPORT_ATTRIBUTES, QE_ATTRIBUTES);
    store_le64(report + REPORT_XFRM, QE_XFRM);
    qe_mrenclave(report + REPORT_MRENCLAVE);
    soft_qe_mrsigner(report + REPORT_MRSIGNER);
    store_le16(report + REPORT_ISVPRODID, SOFT_QE_PRODID);
    store_le16(report + REPORT_ISVSVN, SOFT_QE_SVN);
    memcpy(bound, qe->point + 1, 64);
    memcpy(bound + 64, auth, AUTH_SIZE);
    SHA256(bound, sizeof(bound), report + REPORT_DATA);
    return p256_sign(qe->pck, report, REPORT_BODY_SIZE, report + REPORT_BODY_SIZE);
}

static void fill_header(const struct soft_qe *qe, uint8_t *q)
{
    static const uint8_t vendor[16] = QUOTE_VENDOR_INTEL;
    memset(q, 0, QUOTE_HEADER_SIZE);
    store_le16(q, 3);
    store_le16(q + 2, QUOTE_KEY_ECDSA_P256);
    store_le16(q + 8, SOFT_QE_SVN);
    store_le16(q + 10, SOFT_PCESVN);
    memcpy(q + 12, vendor, sizeof(vendor));
    memcpy(q + 28, qe->id, sizeof(qe->id));
}

int64_t soft_qe_quote(struct soft_qe *qe, const uint8_t report[SOFT_REPORT_SIZE], uint8_t *out,
                      size_t size)
{
    uint8_t target[SOFT_TARGETINFO_SIZE];
    size_t total = soft_qe_quote_size(qe);
    if (size < total)
        return -ENOBUFS;
    /* Anyone may connect and claim to be any enclave: only the device's secret proves a report. */
    soft_qe_target_info(target);
    if (!soft_report_mac_ok(qe->device_key, target, report))
        return -EACCES;
    fill_header(qe, out);
    memcpy(out + QUOTE_BODY_OFFSET, report, REPORT_BODY_SIZE);
    store_le32(out + 432, (uint32_t)(total - 436));
    uint8_t *s = out + 436;
    memcpy(s + 64, qe->point + 1, 64);
    uint8_t *auth = s + 128 + REPORT_BODY_SIZE + 64 + 2;
    for (uint8_t i = 0; i < AUTH_SIZE; i++)
        auth[i] = i;
    store_le16(auth - 2, AUTH_SIZE);
    store_le16(auth + AUTH_SIZE, QUOTE_CERT_PCK_CHAIN);
    store_le32(auth + AUTH_SIZE + 2, (uint32_t)qe->chain_size);
    memcpy(auth + AUTH_SIZE + 6, qe->chain, qe->chain_size);
    int ret = make_qe_report(qe, auth, s + 128);
    if (ret == 0)
        ret = p256_sign(qe->attestation, out, 432, s);
    return ret ? ret : (int64_t)total;
}

static uint32_t quoter_target_info(void *self, uint8_t target[AESM_TARGETINFO_SIZE])
{
    (void)self;
    soft_qe_target_info(target);
    return AESM_SUCCESS;
}

static void quoter_key_id(void *self, uint8_t id[32])
{
    soft_qe_key_id(self, id);
}

static uint32_t quoter_quote_size(void *self, uint32_t *size)
{
    *size = (uint32_t)soft_qe_quote_size(self);
    return AESM_SUCCESS;
}

static uint32_t quoter_quote(void *self, const uint8_t report[AESM_REPORT_SIZE], uint8_t *out,
                             uint32_t size, uint32_t *used)
{
    int64_t n = soft_qe_quote(self, report, out, size);
    *used = n < 0 ? 0 : (uint32_t)n;
    if (n < 0)
        return n == -EACCES    ? AESM_INVALID_REPORT
               : n == -ENOBUFS ? AESM_PARAMETER
                               : AESM_UNEXPECTED;
    return AESM_SUCCESS;
}

struct quoter soft_qe_quoter(struct soft_qe *qe)
{
    return (struct quoter){ qe, quoter_target_info, quoter_key_id, quoter_quote_size,
                            quoter_quote };
}
