/* Read a policy file. It is the relying party's own, but a typo in it must not open the door. */
#include "attest/ratls/policy_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int take_list(const json_t *v, struct policy *p, int (*add)(struct policy *, const char *))
{
    if (!json_is_array(v) || json_array_size(v) == 0)
        return -EINVAL; /* an empty list would mean "any" */
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *s = json_string_value(json_array_get(v, i));
        if (!s || add(p, s))
            return -EINVAL;
    }
    return 0;
}

static int take_u16(const json_t *v, uint16_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT16_MAX)
        return -EINVAL;
    *out = (uint16_t)json_integer_value(v);
    return 0;
}

static int take_bool(const json_t *v, bool *out)
{
    *out = json_is_true(v);
    return json_is_boolean(v) ? 0 : -EINVAL;
}

/* A path, relative to the folder of the policy file. */
static int take_path(const json_t *v, const char *policy_path, char *out, size_t size)
{
    const char *s = json_string_value(v), *slash = strrchr(policy_path, '/');
    if (!s)
        return -EINVAL;
    int n = s[0] == '/' || !slash
                ? snprintf(out, size, "%s", s)
                : snprintf(out, size, "%.*s/%s", (int)(slash - policy_path), policy_path, s);
    return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

static int take_member(const char *path, const char *name, const json_t *v, struct policy_file *f)
{
    struct policy *p = &f->policy;
    if (strcmp(name, "mrenclave") == 0)
        return take_list(v, p, policy_add_mrenclave);
    if (strcmp(name, "mrsigner") == 0)
        return take_list(v, p, policy_add_mrsigner);
    if (strcmp(name, "accept_tcb") == 0)
        return take_list(v, p, policy_accept_status);
    if (strcmp(name, "isv_svn") == 0)
        return take_u16(v, &p->min_svn);
    if (strcmp(name, "allow_debug") == 0)
        return take_bool(v, &p->allow_debug);
    if (strcmp(name, "any_enclave") == 0)
        return take_bool(v, &f->any_enclave);
    if (strcmp(name, "trust_root") == 0)
        return take_path(v, path, f->trust_root, sizeof(f->trust_root));
    if (strcmp(name, "collateral") == 0)
        return take_path(v, path, f->collateral, sizeof(f->collateral));
    if (strcmp(name, "isv_prod_id") == 0) {
        p->check_prod_id = true;
        return take_u16(v, &p->prod_id);
    }
    return -ENOENT;
}

int policy_file_load(const char *path, struct policy_file *out, char *why, size_t why_size)
{
    json_error_t error;
    const char *name;
    json_t *v, *all = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    int ret = 0;
    *out = (struct policy_file){ 0 };
    if (!json_is_object(all)) {
        snprintf(why, why_size, "%s", all ? "not a JSON object" : error.text);
        json_decref(all);
        return -EINVAL;
    }
    json_object_foreach(all, name, v) {
        ret = take_member(path, name, v, out);
        if (ret == 0)
            continue;
        snprintf(why, why_size, "%s: %s", name, ret == -ENOENT ? "unknown member" : "wrong type or value");
        ret = -EINVAL;
        break;
    }
    json_decref(all);
    return ret;
}
