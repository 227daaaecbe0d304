/* REPORTs made by the software device, and checked by anyone who holds the target's report key. */
#include "lib/sgx/report.h"

#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/linux/errno.h"

static void fill_body(const struct sgx_platform *platform, const struct sgx_secs *secs,
                      struct sgx_report_body *b)
{
    memset(b, 0, sizeof(*b));
    memcpy(b->cpusvn, platform->cpusvn, sizeof(b->cpusvn));
    b->miscselect = secs->miscselect;
    b->cet_attributes = secs->cet_attributes;
    memcpy(b->isv_ext_prod_id, secs->isv_ext_prod_id, sizeof(b->isv_ext_prod_id));
    b->attributes = secs->attributes;
    memcpy(b->mrenclave, secs->mrenclave, SGX_HASH_SIZE);
    memcpy(b->mrsigner, secs->mrsigner, SGX_HASH_SIZE);
    memcpy(b->config_id, secs->config_id, sizeof(b->config_id));
    b->isv_prod_id = secs->isv_prod_id;
    b->isv_svn = secs->isv_svn;
    b->config_svn = secs->config_svn;
    memcpy(b->isv_family_id, secs->isv_family_id, sizeof(b->isv_family_id));
}

void report_make(const struct sgx_platform *platform, const struct sgx_secs *secs,
                 const struct sgx_targetinfo *target,
                 const uint8_t reportdata[SGX_REPORTDATA_SIZE], struct sgx_report *out)
{
    uint8_t key[SGX_KEY_SIZE];

    fill_body(platform, secs, &out->body);
    memcpy(out->body.reportdata, reportdata, SGX_REPORTDATA_SIZE);
    memcpy(out->keyid, platform->report_keyid, sizeof(out->keyid));
    keys_report(platform, target, out->keyid, key);
    aes128_cmac(key, &out->body, sizeof(out->body), out->mac);
    bytes_wipe(key, sizeof(key));
}

int report_verify(const struct sgx_report *report, const uint8_t key[SGX_KEY_SIZE])
{
    uint8_t mac[16];

    aes128_cmac(key, &report->body, sizeof(report->body), mac);
    return bytes_equal_ct(mac, report->mac, sizeof(mac)) ? 0 : -EBADMSG;
}

void report_to_target(const struct sgx_report_body *body, struct sgx_targetinfo *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->mrenclave, body->mrenclave, SGX_HASH_SIZE);
    out->attributes = body->attributes;
    out->cet_attributes = body->cet_attributes;
    out->config_svn = body->config_svn;
    out->miscselect = body->miscselect;
    memcpy(out->config_id, body->config_id, sizeof(out->config_id));
}
