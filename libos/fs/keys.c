/*
 * Key objects. A mount's key_name, fs.insecure__keys and, in enclaves, _sgx_mrenclave and _sgx_mrsigner
 * make them; nothing else does. Sealing keys are derived by the CPU (EGETKEY) for this enclave or for this
 * signer; in direct they do not exist, and a mount that names one stays without a key.
 */
#include "libos/fs/keys.h"

#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/base/list.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/sgx/arch.h"

struct file_key {
    struct list link; /* g_keys_mu */
    bool set;         /* g_keys_mu */
    bool sealing;
    uint8_t key[FILE_KEY_SIZE]; /* g_keys_mu */
    char name[];
};

static struct mutex g_keys_mu = MUTEX_INIT;
static struct list g_keys = LIST_INIT(g_keys); /* g_keys_mu; objects are never removed */

static struct file_key *find_locked(const char *name, uint64_t length)
{
    list_for_each(it, &g_keys) {
        struct file_key *k = list_entry(it, struct file_key, link);
        if (str_length(k->name, length + 1) == length && memcmp(k->name, name, length) == 0)
            return k;
    }
    return NULL;
}

struct file_key *key_find(const char *name, uint64_t length)
{
    mutex_lock(&g_keys_mu);
    struct file_key *k = find_locked(name, length);
    mutex_unlock(&g_keys_mu);
    return k;
}

struct file_key *key_get(const char *name)
{
    uint64_t length = str_length(name, 4096);
    mutex_lock(&g_keys_mu);
    struct file_key *k = find_locked(name, length);
    if (!k && (k = mem_zalloc(sizeof(*k) + length + 1))) {
        memcpy(k->name, name, length);
        list_push_back(&g_keys, &k->link);
    }
    mutex_unlock(&g_keys_mu);
    return k;
}

struct file_key *key_at(uint64_t number)
{
    struct file_key *found = NULL;
    mutex_lock(&g_keys_mu);
    list_for_each(it, &g_keys) {
        if (number-- == 0) {
            found = list_entry(it, struct file_key, link);
            break;
        }
    }
    mutex_unlock(&g_keys_mu);
    return found;
}

const char *key_name(const struct file_key *k)
{
    return k->name;
}

bool key_is_sealing(const struct file_key *k)
{
    return k->sealing;
}

bool key_read(struct file_key *k, uint8_t out[FILE_KEY_SIZE])
{
    mutex_lock(&g_keys_mu);
    bool set = k->set;
    memcpy(out, k->key, FILE_KEY_SIZE);
    mutex_unlock(&g_keys_mu);
    return set;
}

void key_set(struct file_key *k, const uint8_t key[FILE_KEY_SIZE])
{
    mutex_lock(&g_keys_mu);
    memcpy(k->key, key, FILE_KEY_SIZE);
    k->set = true;
    mutex_unlock(&g_keys_mu);
}

/* EGETKEY with this enclave's own current versions and the plan's masks (specs/attestation-fs.md 4.2). */
static int seal_key(uint16_t policy, uint8_t key[FILE_KEY_SIZE])
{
    const struct plan_header *h = g_machine.plan.h;
    struct sgx_targetinfo target;
    struct sgx_report report;
    struct sgx_keyrequest request;
    uint8_t data[SGX_REPORTDATA_SIZE] = { 0 };
    memset(&target, 0, sizeof(target));
    memset(&request, 0, sizeof(request));
    int r = machine_report(&target, data, &report);
    if (r < 0)
        return r;
    request.keyname = SGX_KEY_SEAL;
    request.keypolicy = policy;
    request.isv_svn = report.body.isv_svn;
    request.config_svn = report.body.config_svn;
    memcpy(request.cpusvn, report.body.cpusvn, sizeof(request.cpusvn));
    request.attribute_mask.flags = h->seal_flags_mask;
    request.attribute_mask.xfrm = h->seal_xfrm_mask;
    request.miscmask = h->seal_misc_mask;
    return machine_key(&request, key);
}

static int make_sealing(const char *name, uint16_t policy)
{
    uint8_t key[FILE_KEY_SIZE];
    struct file_key *k = key_get(name);
    if (!k)
        return -ENOMEM;
    int r = seal_key(policy, key);
    if (r < 0) {
        log_error("cannot derive the sealing key %s: error %d", name, -r);
        return r;
    }
    k->sealing = true;
    key_set(k, key);
    bytes_wipe(key, sizeof(key));
    return 0;
}

int keys_init(void)
{
    const struct plan_key *keys = plan_items(&g_machine.plan, g_machine.plan.h->keys);
    int r = 0;
    if (g_machine.is_enclave) {
        r = make_sealing("_sgx_mrenclave", SGX_POLICY_MRENCLAVE);
        if (r == 0)
            r = make_sealing("_sgx_mrsigner", SGX_POLICY_MRSIGNER);
    }
    for (uint32_t i = 0; i < g_machine.plan.h->keys.count && r == 0; i++) {
        struct file_key *k = key_get(plan_string(&g_machine.plan, keys[i].name));
        if (!k)
            return -ENOMEM;
        key_set(k, keys[i].key);
    }
    return r;
}
