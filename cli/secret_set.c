/*
 * Secrets and their policies: see cli/secret_set.h. The files are the owner's own, but what is
 * missing or unclear in them must not open a door: unknown keys, empty policies and empty secrets
 * are errors.
 */
#include "cli/secret_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"
#include "lib/base/bytes.h"
#include "text/toml.h"

#define SECRET_MAX    (16u << 20)
#define SET_FILE_MAX  (1u << 20)
#define WRAP_KEY_SIZE 16

struct secret_set *secret_set_new(void)
{
    struct secret_set *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->refs = 1;
    s->cache = verify_cache_new();
    s->entries = calloc(SECRETS_MAX, sizeof(*s->entries));
    if (s->entries)
        return s;
    secret_set_put(s);
    return NULL;
}

static void free_secret(uint8_t *secret, size_t size)
{
    if (secret)
        bytes_wipe(secret, size);
    free(secret);
}

void secret_set_put(struct secret_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->count; i++) {
        free_secret(s->entries[i].secret, s->entries[i].size);
        collateral_fini(&s->entries[i].collateral);
    }
    free(s->entries);
    verify_cache_free(s->cache);
    free(s);
}

int secret_read(const char *path, bool is_key, uint8_t **out, size_t *size, struct problem *why)
{
    int ret = file_read(path, SECRET_MAX, out, size);
    if (ret) {
        *out = NULL;
        return problem_set(why, ret, "%s: %s: %s", is_key ? "key" : "secret", path, strerror(-ret));
    }
    if (*size > 0 && (!is_key || *size == WRAP_KEY_SIZE))
        return 0;
    if (*size == 0)
        ret = problem_set(why, -EINVAL, "%s: %s: it is empty", is_key ? "key" : "secret", path);
    else
        ret = problem_set(why, -EINVAL, "key: %s: %zu bytes: a key has 16 raw bytes", path, *size);
    free_secret(*out, *size);
    *out = NULL;
    return ret;
}

static int load_trust(struct secret_entry *e, const struct policy_file *defaults,
                      struct problem *why)
{
    const char *missing = NULL;
    const struct trust_files *roots = &e->policy.roots;
    const char *collateral = e->policy.collateral;
    if (defaults && roots->count == 0)
        roots = &defaults->roots;
    if (defaults && !collateral[0])
        collateral = defaults->collateral;
    if (!collateral[0])
        return problem_set(
            why, -EINVAL,
            "secret %s: no collateral: name it in the policy, or give --collateral PATH "
            "(or --soft for the software device)",
            e->name);
    if (relying_load_roots(roots, &e->roots))
        return problem_set(why, -EINVAL, "secret %s: its trust roots cannot be used", e->name);
    int ret = collateral_load(collateral, &e->collateral, &missing);
    if (ret)
        return problem_set(why, ret, "collateral: %s%s%s: %s", collateral, missing ? "/" : "",
                           missing ? missing : "", strerror(-ret));
    return 0;
}

int secret_set_add(struct secret_set *s, const char *name, uint8_t *secret, size_t size,
                   const struct policy_file *policy, const struct policy_file *defaults,
                   struct problem *why)
{
    int ret = 0;
    if (sp_name_check(name))
        ret = problem_set(why, -EINVAL,
                          "secret \"%.80s\": a name has 1 to %d letters, digits and \"._-\"", name,
                          SP_NAME_MAX);
    for (size_t i = 0; ret == 0 && i < s->count; i++)
        if (strcmp(s->entries[i].name, name) == 0)
            ret = problem_set(why, -EINVAL, "secret %s: there are two of that name", name);
    if (ret == 0 && s->count == SECRETS_MAX)
        ret = problem_set(why, -ENOSPC, "more than %d secrets", SECRETS_MAX);
    if (ret == 0 && policy_is_open(&policy->policy) && !policy->any_enclave)
        ret = problem_set(
            why, -EINVAL,
            "secret %s: who may have it? its policy names neither mrenclave nor mrsigner", name);
    if (ret) {
        free_secret(secret, size);
        return ret;
    }
    struct secret_entry *e = &s->entries[s->count++]; /* from here on the set frees it */
    snprintf(e->name, sizeof(e->name), "%s", name);
    e->secret = secret;
    e->size = size;
    e->policy = *policy;
    return load_trust(e, defaults, why);
}

/* `file` beside `base`, unless it is absolute. */
static int beside(const char *base, const char *file, char *out, size_t size)
{
    const char *slash = strrchr(base, '/');
    int folder = slash && file[0] != '/' ? (int)(slash - base) + 1 : 0;
    return (size_t)snprintf(out, size, "%.*s%s", folder, base, file) < size ? 0 : -ENAMETOOLONG;
}

struct members {
    const struct toml_node *file, *key, *policy;
};

static int take_members(const char *path, const struct toml_node *table, struct members *m,
                        struct problem *why)
{
    *m = (struct members){ 0 };
    for (size_t i = 0; i < table->count; i++) {
        const struct toml_node *v = table->items[i];
        const struct toml_node **place = strcmp(v->key, "file") == 0     ? &m->file
                                         : strcmp(v->key, "policy") == 0 ? &m->policy
                                         : strcmp(v->key, "key") == 0    ? &m->key
                                                                         : NULL;
        if (!place)
            return problem_set(why, -EINVAL,
                               "%s:%u: %s: unknown key (there are: file, key, policy)", path,
                               v->line, v->key);
        if (v->kind != (place == &m->key ? TOML_BOOLEAN : TOML_STRING))
            return problem_set(why, -EINVAL, "%s:%u: %s: wrong type", path, v->line, v->key);
        *place = v;
    }
    if (!m->file || !m->policy)
        return problem_set(why, -EINVAL, "%s:%u: %s: it needs file and policy", path, table->line,
                           table->key);
    return 0;
}

static int load_one(struct secret_set *s, const char *path, const struct toml_node *table,
                    const struct policy_file *defaults, struct problem *why)
{
    char file[4096], policy_path[4096];
    struct policy_file policy;
    struct members m;
    uint8_t *secret = NULL;
    size_t size = 0;
    if (table->kind != TOML_TABLE)
        return problem_set(why, -EINVAL, "%s:%u: %s: not a table [secret.NAME]", path, table->line,
                           table->key);
    int ret = take_members(path, table, &m, why);
    if (ret)
        return ret;
    if (beside(path, m.file->text, file, sizeof(file)) ||
        beside(path, m.policy->text, policy_path, sizeof(policy_path)))
        return problem_set(why, -ENAMETOOLONG, "%s: %s: path too long", path, table->key);
    ret = policy_file_load(policy_path, &policy, why);
    if (ret == 0)
        ret = secret_read(file, m.key && m.key->boolean, &secret, &size, why);
    return ret ? ret : secret_set_add(s, table->key, secret, size, &policy, defaults, why);
}

static int load_all(struct secret_set *s, const char *path, const struct toml_node *root,
                    const struct policy_file *defaults, struct problem *why)
{
    for (size_t i = 0; i < root->count; i++)
        if (strcmp(root->items[i]->key, "secret") != 0)
            return problem_set(why, -EINVAL, "%s:%u: %s: unknown key: write [secret.NAME]", path,
                               root->items[i]->line, root->items[i]->key);
    const struct toml_node *list = toml_get(root, "secret");
    if (!list || list->kind != TOML_TABLE || list->count == 0)
        return problem_set(why, -EINVAL, "%s: no [secret.NAME] in it", path);
    int ret = 0;
    for (size_t i = 0; ret == 0 && i < list->count; i++)
        ret = load_one(s, path, list->items[i], defaults, why);
    return ret;
}

int secret_set_load(struct secret_set *s, const char *path, const struct policy_file *defaults,
                    struct problem *why)
{
    struct toml_node *root = NULL;
    uint8_t *text = NULL;
    size_t size = 0;
    int ret = file_read(path, SET_FILE_MAX, &text, &size);
    if (ret)
        return problem_set(why, ret, "secrets: %s: %s", path, strerror(-ret));
    ret = toml_parse(path, (const char *)text, size, &root, why);
    if (ret == 0)
        ret = load_all(s, path, root, defaults, why);
    toml_free(root);
    free(text);
    return ret;
}

void secret_set_judge(struct secret_set *s, const char *name, const uint8_t *der, size_t size,
                      int64_t now, struct ratls_outcome *out, struct sp_grant *grant)
{
    struct ratls_outcome one;
    bool first = true;
    for (size_t i = 0; i < s->count; i++) {
        const struct secret_entry *e = &s->entries[i];
        struct ratls_relying_party party = { .roots = &e->roots,
                                             .collateral = &e->collateral,
                                             .policy = &e->policy.policy,
                                             .cache = s->cache };
        if (name && strcmp(name, e->name) != 0)
            continue;
        int ret = ratls_verify(der, size, &party, now, &one);
        if (first || ret == RATLS_OK ||
            one.where > out->where) /* refusals: tell the one that came nearest */
            *out = one;
        first = false;
        if (ret != RATLS_OK)
            continue;
        atomic_fetch_add(&s->refs, 1);
        *grant = (struct sp_grant){
            .name = e->name, .secret = e->secret, .size = e->size, .hold = s
        };
        return;
    }
}

void secret_set_release(struct sp_grant *grant)
{
    secret_set_put(grant->hold);
}
