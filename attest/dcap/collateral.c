/*
 * Load collateral from a folder or from one JSON file. What is loaded authenticates itself by
 * signatures, so nothing is trusted here; sizes are bounded.
 */
#include "attest/dcap/collateral.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/file.h"

static const struct {
    const char *file, *member;
} g_items[COLLATERAL_ITEMS] = {
    [COLLATERAL_PCK_CRL] = { "pck_crl.der", "pck_crl" },
    [COLLATERAL_ROOT_CRL] = { "root_ca_crl.der", "root_ca_crl" },
    [COLLATERAL_TCB_INFO] = { "tcb_info.json", "tcb_info" },
    [COLLATERAL_TCB_CHAIN] = { "tcb_issuer_chain.pem", "tcb_info_issuer_chain" },
    [COLLATERAL_QE_IDENTITY] = { "qe_identity.json", "qe_identity" },
    [COLLATERAL_QE_CHAIN] = { "qe_identity_issuer_chain.pem", "qe_identity_issuer_chain" },
};

const char *collateral_member_name(enum collateral_item item)
{
    return g_items[item].member;
}

void collateral_fini(struct collateral *c)
{
    for (int i = 0; i < COLLATERAL_ITEMS; i++)
        free(c->item[i].data);
    *c = (struct collateral){ 0 };
}

static int load_folder(const char *path, struct collateral *c, const char **missing)
{
    char name[4096];
    for (int i = 0; i < COLLATERAL_ITEMS; i++) {
        *missing = g_items[i].file;
        if (snprintf(name, sizeof(name), "%s/%s", path, g_items[i].file) >= (int)sizeof(name))
            return -ENAMETOOLONG;
        int ret = file_read(name, COLLATERAL_ITEM_MAX, &c->item[i].data, &c->item[i].size);
        if (ret && !(ret == -ENOENT && i == COLLATERAL_QE_CHAIN))
            return ret;
    }
    return 0;
}

static int take_member(const json_t *bundle, int i, struct collateral *c)
{
    const json_t *v = json_object_get(bundle, g_items[i].member);
    if (!json_is_string(v))
        return !v && i == COLLATERAL_QE_CHAIN ? 0 : -EINVAL;
    size_t size = json_string_length(v);
    c->item[i].data = malloc(size + 1);
    if (!c->item[i].data)
        return -ENOMEM;
    memcpy(c->item[i].data, json_string_value(v), size + 1);
    c->item[i].size = size;
    return 0;
}

int collateral_parse_bundle(const char *json, size_t size, struct collateral *out,
                            const char **missing)
{
    *out = (struct collateral){ 0 };
    *missing = NULL;
    json_t *bundle = json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    int ret = json_is_object(bundle) ? 0 : -EINVAL;
    for (int i = 0; i < COLLATERAL_ITEMS && ret == 0; i++) {
        *missing = g_items[i].member;
        ret = take_member(bundle, i, out);
    }
    json_decref(bundle);
    if (ret)
        collateral_fini(out);
    return ret;
}

int collateral_load(const char *path, struct collateral *out, const char **missing)
{
    struct stat st;
    const char *dummy;
    *out = (struct collateral){ 0 };
    if (!missing)
        missing = &dummy;
    *missing = NULL;
    if (stat(path, &st))
        return -errno;
    int ret;
    if (S_ISDIR(st.st_mode)) {
        ret = load_folder(path, out, missing);
    } else {
        uint8_t *text = NULL;
        size_t size = 0;
        ret = file_read(path, COLLATERAL_ITEMS * COLLATERAL_ITEM_MAX, &text, &size);
        if (ret == 0)
            ret = collateral_parse_bundle((const char *)text, size, out, missing);
        free(text);
    }
    if (ret)
        collateral_fini(out);
    return ret;
}
