/*
 * /dev/attestation: reports, quotes and keys for programs that know nothing but files. Reports and quotes
 * are made when a file is opened, from what was written to user_report_data and target_info before.
 */
#include "libos/fs/attest_dev.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/sgx/arch.h"
#include "libos/fs/keys.h"

#define QUOTE_MAX   8192u
#define QUOTE_FIXED 436u
#define TRIES       5

static struct mutex g_attest_mu = MUTEX_INIT;
static uint8_t g_report_data[SGX_REPORTDATA_SIZE];        /* g_attest_mu */
static uint8_t g_target_info[sizeof(struct sgx_targetinfo)]; /* g_attest_mu */

static bool in_enclave(void)
{
    return g_machine.is_enclave;
}

static bool has_quote(void)
{
    return g_machine.is_enclave && g_machine.plan.h->attestation != PLAN_ATTEST_NONE;
}

/* Whatever went wrong, a program sees -EACCES; the log says more. */
static int refuse(const char *what, int r)
{
    log_warning("/dev/attestation/%s: error %d", what, -r);
    return -EACCES;
}

static int load_type(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "%s", g_machine.plan.h->attestation == PLAN_ATTEST_DCAP ? "dcap" : "none");
    return 0;
}

static void store_padded(uint8_t *to, size_t size, const void *data, size_t given)
{
    mutex_lock(&g_attest_mu);
    memset(to, 0, size);
    memcpy(to, data, MIN(size, given));
    mutex_unlock(&g_attest_mu);
}

static int store_report_data(const struct pseudo_id *id, const void *data, size_t size)
{
    store_padded(g_report_data, sizeof(g_report_data), data, size);
    return 0;
}

static int store_target_info(const struct pseudo_id *id, const void *data, size_t size)
{
    store_padded(g_target_info, sizeof(g_target_info), data, size);
    return 0;
}

static void target_from_report(const struct sgx_report_body *body, struct sgx_targetinfo *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->mrenclave, body->mrenclave, sizeof(out->mrenclave));
    out->attributes = body->attributes;
    out->cet_attributes = body->cet_attributes;
    out->config_svn = body->config_svn;
    out->miscselect = body->miscselect;
    memcpy(out->config_id, body->config_id, sizeof(out->config_id));
}

static int load_my_target_info(const struct pseudo_id *id, struct text *t)
{
    struct sgx_targetinfo target;
    struct sgx_report report;
    uint8_t data[SGX_REPORTDATA_SIZE] = { 0 };
    memset(&target, 0, sizeof(target));
    int r = machine_report(&target, data, &report);
    if (r < 0)
        return refuse("my_target_info", r);
    target_from_report(&report.body, &target);
    text_append(t, &target, sizeof(target));
    return 0;
}

static int load_report(const struct pseudo_id *id, struct text *t)
{
    struct sgx_targetinfo target;
    struct sgx_report report;
    uint8_t data[SGX_REPORTDATA_SIZE];
    mutex_lock(&g_attest_mu);
    memcpy(&target, g_target_info, sizeof(target));
    memcpy(data, g_report_data, sizeof(data));
    int r = machine_report(&target, data, &report);
    if (r == 0 && bytes_are_zero(&target, sizeof(target))) {
        /* Nobody can verify this one; but the next is for ourselves. */
        target_from_report(&report.body, &target);
        memcpy(g_target_info, &target, sizeof(target));
    }
    mutex_unlock(&g_attest_mu);
    if (r < 0)
        return refuse("report", r);
    text_append(t, &report, sizeof(report));
    return 0;
}

/* One round with the quoting enclave. -EAGAIN: its key changed, ask for its target again. */
static int64_t quote_once(const uint8_t data[SGX_REPORTDATA_SIZE], uint8_t *quote)
{
    struct sgx_targetinfo target;
    struct sgx_report report;
    int64_t r = host_call(quote_target, PTR(&target));
    if (r < 0)
        return r;
    r = machine_report(&target, data, &report);
    if (r < 0)
        return r;
    return host_call(quote_get, PTR(&report), PTR(quote), QUOTE_MAX);
}

static int load_quote(const struct pseudo_id *id, struct text *t)
{
    uint8_t data[SGX_REPORTDATA_SIZE];
    mutex_lock(&g_attest_mu);
    memcpy(data, g_report_data, sizeof(data));
    mutex_unlock(&g_attest_mu);
    uint8_t *quote = mem_zalloc(QUOTE_MAX);
    if (!quote)
        return -ENOMEM;
    int64_t r = -EAGAIN;
    for (int i = 0; i < TRIES && r == -EAGAIN; i++)
        r = quote_once(data, quote);
    if (r >= 0) {
        /* The host's length is the buffer's; the quote's own stands in it. Both are only bounds here: verifiers check the rest. */
        uint64_t size = r >= QUOTE_FIXED ? QUOTE_FIXED + (uint64_t)load_le32(quote + QUOTE_FIXED - 4) : 0;
        if (size && size <= (uint64_t)r)
            text_append(t, quote, size);
        else
            r = -EIO;
    }
    mem_free(quote);
    return r < 0 ? refuse("quote", (int)r) : 0;
}

/* ---- keys/ : id->b is the number of the key */

static struct file_key *key_of(const struct pseudo_id *id)
{
    return key_at((uint64_t)id->b);
}

static int load_key(const struct pseudo_id *id, struct text *t)
{
    uint8_t key[FILE_KEY_SIZE];
    if (key_read(key_of(id), key))
        text_append(t, key, sizeof(key));
    bytes_wipe(key, sizeof(key));
    return 0;
}

static int store_key(const struct pseudo_id *id, const void *data, size_t size)
{
    if (size != FILE_KEY_SIZE)
        return -EACCES;
    key_set(key_of(id), data);
    return 0;
}

static const struct pseudo_node key_node = { .name = "key", .mode = S_IFREG | 0666, .load = load_key, .store = store_key };
static const struct pseudo_node sealing_key_node = { .name = "key", .mode = S_IFREG | 0444, .load = load_key };

static int keys_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    struct file_key *k = key_at(*cursor);
    if (!k || str_copy(name, VFS_NAME_MAX + 1, key_name(k)) < 0)
        return 0;
    child->node = key_is_sealing(k) ? &sealing_key_node : &key_node;
    child->b = (int64_t)*cursor;
    return 1;
}

static int keys_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    struct file_key *wanted = key_find(name, length);
    for (uint64_t i = 0; wanted; i++) {
        struct file_key *k = key_at(i);
        if (k != wanted)
            continue;
        child->node = key_is_sealing(k) ? &sealing_key_node : &key_node;
        child->b = (int64_t)i;
        return 0;
    }
    return -ENOENT;
}

const struct pseudo_node attest_dev_children[] = {
    { .name = "attestation_type", .mode = S_IFREG | 0444, .load = load_type, .exists = in_enclave },
    { .name = "keys", .mode = S_IFDIR | 0555, .find = keys_find, .list = keys_list },
    { .name = "my_target_info", .mode = S_IFREG | 0444, .load = load_my_target_info, .exists = in_enclave },
    { .name = "quote", .mode = S_IFREG | 0444, .load = load_quote, .exists = has_quote },
    { .name = "report", .mode = S_IFREG | 0444, .load = load_report, .exists = in_enclave },
    { .name = "target_info", .mode = S_IFREG | 0666, .store = store_target_info, .store_size = 512, .exists = in_enclave },
    { .name = "user_report_data", .mode = S_IFREG | 0666, .store = store_report_data, .store_size = 64, .exists = in_enclave },
    { 0 },
};
