/* Our own formats from files: manifest, plan, encrypted file. The bytes are untrusted. See
 * cli/show.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/encfile/format.h"
#include "manifest/manifest.h"

/* Text that need not be UTF-8, as host paths are not: other bytes become '?'. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = copy ? json_string(copy) : NULL;
    free(copy);
    return value;
}

static json_t *plan_text(const struct plan *p, struct plan_str s)
{
    return text_of(plan_string(p, s));
}

static json_t *show_strings(const struct plan *p, struct plan_array a)
{
    json_t *list = json_array();
    const struct plan_str *items = plan_items(p, a);
    for (uint32_t i = 0; i < a.count; i++)
        json_array_append_new(list, plan_text(p, items[i]));
    return list;
}

static json_t *show_env(const struct plan *p)
{
    json_t *o = json_object();
    const struct plan_env *env = plan_items(p, p->h->env);
    for (uint32_t i = 0; i < p->h->env.count; i++)
        json_object_set_new(o, plan_string(p, env[i].name),
                            env[i].passthrough ? json_string("(the host's)")
                                               : plan_text(p, env[i].value));
    return o;
}

static json_t *show_mounts(const struct plan *p)
{
    static const char *const types[PLAN_MOUNT_COUNT] = { "chroot", "encrypted", "tmpfs",
                                                         "untrusted_shm" };
    json_t *list = json_array();
    const struct plan_mount *mounts = plan_items(p, p->h->mounts);
    for (uint32_t i = 0; i < p->h->mounts.count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "path", plan_text(p, mounts[i].path));
        json_object_set_new(o, "type", json_string(types[mounts[i].type]));
        if (mounts[i].host.length)
            json_object_set_new(o, "host", plan_text(p, mounts[i].host));
        if (mounts[i].key.length)
            json_object_set_new(o, "key_name", plan_text(p, mounts[i].key));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *show_trusted(const struct plan *p)
{
    json_t *list = json_array();
    const struct plan_trusted *t = plan_items(p, p->h->trusted);
    for (uint32_t i = 0; i < p->h->trusted.count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "path", plan_text(p, t[i].path));
        if (t[i].flags & PLAN_TRUSTED_SHA256)
            term_json_hex(o, "sha256", t[i].sha256, 32);
        if (t[i].flags & PLAN_TRUSTED_VERITY) {
            term_json_hex(o, "verity", t[i].root, 32);
            json_object_set_new(o, "size", json_integer((json_int_t)t[i].size));
        }
        json_array_append_new(list, o);
    }
    return list;
}

/* Names only: a key in a manifest is no secret, but a terminal is no place for it either. */
static json_t *show_keys(const struct plan *p)
{
    json_t *list = json_array();
    const struct plan_key *keys = plan_items(p, p->h->keys);
    for (uint32_t i = 0; i < p->h->keys.count; i++)
        json_array_append_new(list, plan_text(p, keys[i].name));
    return list;
}

static json_t *plan_object(const struct plan *p)
{
    const struct plan_header *h = p->h;
    json_t *o = json_object();
    json_object_set_new(o, "entrypoint", plan_text(p, h->entrypoint));
    json_object_set_new(o, "argv", show_strings(p, h->argv));
    json_object_set_new(o, "start_dir", plan_text(p, h->start_dir));
    json_object_set_new(o, "enclave_size", json_integer((json_int_t)h->enclave_size));
    json_object_set_new(o, "max_threads", json_integer(h->max_threads));
    json_object_set_new(o, "debug_enclave", json_boolean(h->flags & PLAN_DEBUG));
    json_object_set_new(o, "remote_attestation",
                        json_string(h->attestation == PLAN_ATTEST_DCAP ? "dcap" : "none"));
    json_object_set_new(o, "isv_prod_id", json_integer(h->isv_prod_id));
    json_object_set_new(o, "isv_svn", json_integer(h->isv_svn));
    show_hex64(o, "flags", h->flags);
    show_hex64(o, "attribute_flags", h->attributes_flags);
    show_hex64(o, "attribute_xfrms", h->attributes_xfrm);
    show_hex64(o, "attribute_xfrm_mask", h->attributes_xfrm_mask);
    show_hex64(o, "host_signals", h->host_signals);
    json_object_set_new(o, "uid", json_integer(h->uid));
    json_object_set_new(o, "gid", json_integer(h->gid));
    json_object_set_new(o, "verity_file", plan_text(p, h->verity_file));
    json_object_set_new(o, "env", show_env(p));
    json_object_set_new(o, "mounts", show_mounts(p));
    json_object_set_new(o, "allowed_files", show_strings(p, h->allowed));
    json_object_set_new(o, "insecure_keys", show_keys(p));
    json_object_set_new(o, "trusted_files", show_trusted(p));
    return o;
}

json_t *show_plan(const uint8_t *data, size_t size, struct problem *why)
{
    struct plan p;
    if (plan_open(data, size, &p)) {
        problem_set(why, -EINVAL, "not a valid plan of version %d", PLAN_VERSION);
        return NULL;
    }
    return plan_object(&p);
}

static void add_insecure(void *arg, const char *key, const char *why)
{
    json_array_append_new(arg, json_sprintf("%s: %s", key, why));
}

json_t *show_manifest(const char *name, const uint8_t *data, size_t size, struct problem *why)
{
    struct manifest *m = NULL;
    uint8_t *bytes = NULL;
    size_t plan_size, unsigned_files = 0;
    struct plan p;
    json_t *o = NULL;
    if (manifest_parse(name, (const char *)data, size, &m, why))
        return NULL;
    for (size_t i = 0; i < m->trusted_count; i++)
        unsigned_files += m->trusted[i].flags == 0;
    if (manifest_to_plan(m, MANIFEST_PLAN_UNSIGNED, &bytes, &plan_size, why) == 0 &&
        plan_open(bytes, plan_size, &p) == 0) {
        json_t *insecure = json_array();
        o = plan_object(&p);
        manifest_insecure(m, add_insecure, insecure);
        json_object_set_new(o, "trusted_files_without_digest",
                            json_integer((json_int_t)unsigned_files));
        json_object_set_new(o, "insecure", insecure);
    }
    free(bytes);
    manifest_free(m);
    return o;
}

json_t *show_encrypted(const uint8_t *data, size_t size, struct problem *why)
{
    if (size < NODE_SIZE || size % NODE_SIZE) {
        problem_set(why, -EINVAL,
                    "an encrypted file is a whole number of %d-byte nodes: this one is cut off",
                    (int)NODE_SIZE);
        return NULL;
    }
    json_t *o = json_object();
    uint8_t major = data[HDR_MAJOR];
    json_object_set_new(o, "made_by",
                        json_string(load_le64(data) == FILE_ID ? "Gramine, Cloister" : "Graphene"));
    json_object_set_new(o, "major_version", json_integer(major));
    json_object_set_new(o, "minor_version", json_integer(data[HDR_MINOR]));
    term_json_hex(o, "metadata_key_nonce", data + HDR_NONCE, HDR_NONCE_SIZE);
    term_json_hex(o, "metadata_tag", data + HDR_TAG, 16);
    if (major == MAJOR_VERSION)
        json_object_set_new(o, "write_interrupted",
                            json_boolean(data[HDR_FLAGS] & HDR_FLAG_PENDING));
    json_object_set_new(o, "nodes", json_integer((json_int_t)(size / NODE_SIZE)));
    return o;
}
