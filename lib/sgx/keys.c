/*
 * The key dependency structure of Intel SDM vol. 3D, table 38-65 and EGETKEY's operation, and our
 * derivation: AES-CMAC of that structure under a key derived from the platform's secret.
 */
#include "lib/sgx/keys.h"

#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/crypto/hmac.h"
#include "lib/linux/errno.h"

/* INIT and DEBUG always count: a debug enclave never gets a production enclave's keys. */
#define REQUIRED_MASK (SGX_FLAG_INIT | SGX_FLAG_DEBUG)

/* Each field is zero unless the key depends on it. Its bytes are what is MACed: no padding. */
struct dependencies {
    uint16_t keyname, keypolicy;
    uint16_t isv_prod_id, isv_svn, config_svn;
    uint8_t cet_attributes, cet_attributes_mask;
    uint32_t miscselect, miscmask; /* miscmask inverted, as the SDM has it */
    uint32_t seal_fuses;           /* 1: this key depends on the CPU's sealing fuses */
    uint8_t cpusvn[16];
    struct sgx_attributes attributes, attribute_mask;
    uint8_t mrenclave[SGX_HASH_SIZE], mrsigner[SGX_HASH_SIZE];
    uint8_t keyid[32];
    uint8_t isv_family_id[16], isv_ext_prod_id[16];
    uint8_t config_id[64];
};
static_assert(sizeof(struct dependencies) == 24 + 16 + 32 + 64 + 32 + 32 + 64, "no padding");

static void derive(const struct sgx_platform *platform, const struct dependencies *d,
                   uint8_t key[SGX_KEY_SIZE])
{
    static const char label[] = "cloister software sgx key derivation 1";
    uint8_t root[32];

    hmac_sha256(platform->secret, sizeof(platform->secret), label, sizeof(label) - 1, root);
    aes128_cmac(root, d, sizeof(*d), key);
    bytes_wipe(root, sizeof(root));
}

/* Requests that raise #GP. */
static bool request_faults(const struct sgx_secs *secs, const struct sgx_keyrequest *req)
{
    if (req->reserved1 || !bytes_are_zero(req->reserved2, sizeof(req->reserved2)))
        return true;
    if (req->keypolicy & ~SGX_POLICY_ALL)
        return true;
    if (!(secs->attributes.flags & SGX_FLAG_CET) && req->cet_attributes_mask)
        return true;
    if (secs->attributes.flags & SGX_FLAG_KSS)
        return false;
    return (req->keypolicy & SGX_POLICY_KSS) || req->config_svn;
}

/* Older versions may be asked for, newer ones not: that is what makes a security update irrevocable. */
static enum sgx_error check_versions(const struct sgx_platform *platform,
                                     const struct sgx_secs *secs, const struct sgx_keyrequest *req)
{
    for (size_t i = 0; i < sizeof(req->cpusvn); i++)
        if (req->cpusvn[i] > platform->cpusvn[i])
            return SGX_INVALID_CPUSVN;
    if (req->isv_svn > secs->isv_svn || req->config_svn > secs->config_svn)
        return SGX_INVALID_ISVSVN;
    return SGX_SUCCESS;
}

/* What all keys but REPORT take from the request and the enclave. */
static void depend_common(struct dependencies *d, const struct sgx_secs *secs,
                          const struct sgx_keyrequest *req)
{
    d->isv_svn = req->isv_svn;
    memcpy(d->cpusvn, req->cpusvn, sizeof(d->cpusvn));
    d->attributes.flags = secs->attributes.flags & (req->attribute_mask.flags | REQUIRED_MASK);
    d->attributes.xfrm = secs->attributes.xfrm & req->attribute_mask.xfrm;
    d->miscselect = secs->miscselect & req->miscmask;
    d->cet_attributes = secs->cet_attributes & req->cet_attributes_mask;
}

static void depend_masks(struct dependencies *d, const struct sgx_keyrequest *req)
{
    d->attribute_mask = req->attribute_mask;
    d->miscmask = ~req->miscmask;
    d->cet_attributes_mask = (uint8_t)~req->cet_attributes_mask;
}

/* The key policy's part, for SEAL and PROVISION_SEAL. */
static void depend_policy(struct dependencies *d, const struct sgx_secs *secs,
                          const struct sgx_keyrequest *req)
{
    uint16_t policy = req->keypolicy;

    d->keypolicy = policy;
    if (!(policy & SGX_POLICY_NOISVPRODID))
        d->isv_prod_id = secs->isv_prod_id;
    if (policy & SGX_POLICY_CONFIGID) {
        memcpy(d->config_id, secs->config_id, sizeof(d->config_id));
        d->config_svn = req->config_svn;
    }
    if (policy & SGX_POLICY_ISVFAMILYID)
        memcpy(d->isv_family_id, secs->isv_family_id, sizeof(d->isv_family_id));
    if (policy & SGX_POLICY_ISVEXTPRODID)
        memcpy(d->isv_ext_prod_id, secs->isv_ext_prod_id, sizeof(d->isv_ext_prod_id));
}

static void depend_seal(struct dependencies *d, const struct sgx_secs *secs,
                        const struct sgx_keyrequest *req)
{
    depend_common(d, secs, req);
    depend_masks(d, req);
    depend_policy(d, secs, req);
    d->seal_fuses = 1;
    memcpy(d->keyid, req->keyid, sizeof(d->keyid));
    if (req->keypolicy & SGX_POLICY_MRENCLAVE)
        memcpy(d->mrenclave, secs->mrenclave, SGX_HASH_SIZE);
    if (req->keypolicy & SGX_POLICY_MRSIGNER)
        memcpy(d->mrsigner, secs->mrsigner, SGX_HASH_SIZE);
}

static void depend_provision(struct dependencies *d, const struct sgx_secs *secs,
                             const struct sgx_keyrequest *req, bool seal)
{
    depend_common(d, secs, req);
    depend_masks(d, req);
    memcpy(d->mrsigner, secs->mrsigner, SGX_HASH_SIZE);
    if (seal) {
        depend_policy(d, secs, req);
        d->seal_fuses = 1;
    } else {
        d->isv_prod_id = secs->isv_prod_id;
    }
}

static void depend_einittoken(struct dependencies *d, const struct sgx_secs *secs,
                              const struct sgx_keyrequest *req)
{
    depend_common(d, secs, req);
    d->seal_fuses = 1;
    d->isv_prod_id = secs->isv_prod_id;
    memcpy(d->mrsigner, secs->mrsigner, SGX_HASH_SIZE);
    memcpy(d->keyid, req->keyid, sizeof(d->keyid));
}

void keys_report(const struct sgx_platform *platform, const struct sgx_targetinfo *target,
                 const uint8_t keyid[32], uint8_t key[SGX_KEY_SIZE])
{
    struct dependencies d = { .keyname = SGX_KEY_REPORT, .seal_fuses = 1 };

    memcpy(d.cpusvn, platform->cpusvn, sizeof(d.cpusvn));
    d.attributes = target->attributes;
    d.cet_attributes = target->cet_attributes;
    d.miscselect = target->miscselect;
    d.config_svn = target->config_svn;
    memcpy(d.mrenclave, target->mrenclave, SGX_HASH_SIZE);
    memcpy(d.config_id, target->config_id, sizeof(d.config_id));
    memcpy(d.keyid, keyid, sizeof(d.keyid));
    derive(platform, &d, key);
}

/* The enclave's own report key: it is the target. */
static void own_report_key(const struct sgx_platform *platform, const struct sgx_secs *secs,
                           const uint8_t keyid[32], uint8_t key[SGX_KEY_SIZE])
{
    struct sgx_targetinfo self = {
        .attributes = secs->attributes,
        .cet_attributes = secs->cet_attributes,
        .config_svn = secs->config_svn,
        .miscselect = secs->miscselect,
    };

    memcpy(self.mrenclave, secs->mrenclave, SGX_HASH_SIZE);
    memcpy(self.config_id, secs->config_id, sizeof(self.config_id));
    keys_report(platform, &self, keyid, key);
}

/* The attribute that a key's name demands of the enclave. */
static uint64_t attribute_for(uint16_t keyname)
{
    switch (keyname) {
    case SGX_KEY_PROVISION:
    case SGX_KEY_PROVISION_SEAL: return SGX_FLAG_PROVISIONKEY;
    case SGX_KEY_EINITTOKEN: return SGX_FLAG_EINITTOKEN_KEY;
    default: return 0;
    }
}

static void depend(struct dependencies *d, const struct sgx_secs *secs,
                   const struct sgx_keyrequest *req)
{
    d->keyname = req->keyname;
    switch (req->keyname) {
    case SGX_KEY_SEAL: depend_seal(d, secs, req); break;
    case SGX_KEY_PROVISION: depend_provision(d, secs, req, false); break;
    case SGX_KEY_PROVISION_SEAL: depend_provision(d, secs, req, true); break;
    case SGX_KEY_EINITTOKEN: depend_einittoken(d, secs, req); break;
    default: BUG();
    }
}

int keys_egetkey(const struct sgx_platform *platform, const struct sgx_secs *secs,
                 const struct sgx_keyrequest *req, uint8_t key[SGX_KEY_SIZE])
{
    struct dependencies d = { 0 };

    memset(key, 0, SGX_KEY_SIZE);
    if (request_faults(secs, req))
        return -EFAULT;
    if (req->keyname > SGX_KEY_SEAL)
        return SGX_INVALID_KEYNAME;
    if (req->keyname == SGX_KEY_REPORT) {
        own_report_key(platform, secs, req->keyid, key);
        return 0;
    }
    uint64_t needed = attribute_for(req->keyname);
    if ((secs->attributes.flags & needed) != needed)
        return SGX_INVALID_ATTRIBUTE;
    enum sgx_error err = check_versions(platform, secs, req);
    if (err)
        return err;
    depend(&d, secs, req);
    derive(platform, &d, key);
    return 0;
}
