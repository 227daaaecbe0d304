/*
 * Read a policy file. It is the relying party's own, but a typo in it must not open the door: unknown keys,
 * wrong types and empty lists are errors that name the line.
 */
#include "attest/ratls/policy_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"
#include "lib/base/bytes.h"
#include "text/nearest.h"
#include "text/toml.h"

#define DAY 86400

struct reader {
    const char *name;
    struct policy_file *out;
    struct problem *why;
};

struct key {
    const char *name;
    enum toml_kind kind;
    int (*take)(struct reader *r, const struct toml_node *v);
    bool may_be_empty;
};

static int wrong(const struct reader *r, const struct toml_node *v, const char *what)
{
    return problem_set(r->why, -EINVAL, "%s:%u: %s: %s", r->name, v->line, v->key ? v->key : "list", what);
}

static int take_list(struct reader *r, const struct toml_node *list, const char *what,
                     int (*add)(struct policy *, const char *))
{
    for (size_t i = 0; i < list->count; i++) {
        const struct toml_node *v = list->items[i];
        if (v->kind != TOML_STRING || strlen(v->text) != v->length || add(&r->out->policy, v->text))
            return problem_set(r->why, -EINVAL, "%s:%u: %s: %s: %.100s", r->name, v->line, list->key, what,
                               v->kind == TOML_STRING ? v->text : toml_kind_name(v->kind));
    }
    return 0;
}

static int take_mrenclave(struct reader *r, const struct toml_node *v)
{
    return take_list(r, v, "not 64 hexadecimal digits, or too many of them", policy_add_mrenclave);
}

static int take_mrsigner(struct reader *r, const struct toml_node *v)
{
    return take_list(r, v, "not 64 hexadecimal digits, or too many of them", policy_add_mrsigner);
}

static int take_mrtd(struct reader *r, const struct toml_node *v)
{
    return take_list(r, v, "not 96 hexadecimal digits, or too many of them", policy_add_mrtd);
}

static int take_status(struct reader *r, const struct toml_node *v)
{
    return take_list(r, v, "not a TCB status that can be accepted", policy_accept_status);
}

static int take_accepted(struct reader *r, const struct toml_node *v)
{
    r->out->policy.check_advisories = true;
    return take_list(r, v, "not the name of an advisory, or too many of them", policy_accept_advisory);
}

static int take_refused(struct reader *r, const struct toml_node *v)
{
    return take_list(r, v, "not the name of an advisory, or too many of them", policy_refuse_advisory);
}

static int take_prod_id(struct reader *r, const struct toml_node *v)
{
    if (v->integer < 0 || v->integer > UINT16_MAX)
        return wrong(r, v, "not a number from 0 to 65535");
    r->out->policy.check_prod_id = true;
    r->out->policy.prod_id = (uint16_t)v->integer;
    return 0;
}

static int take_min_svn(struct reader *r, const struct toml_node *v)
{
    if (v->integer < 0 || v->integer > UINT16_MAX)
        return wrong(r, v, "not a number from 0 to 65535");
    r->out->policy.min_svn = (uint16_t)v->integer;
    return 0;
}

static int take_age(struct reader *r, const struct toml_node *v)
{
    if (v->integer < 1 || v->integer > 3650)
        return wrong(r, v, "not a number of days from 1 to 3650");
    r->out->policy.max_collateral_age = v->integer * DAY;
    return 0;
}

static int take_any_enclave(struct reader *r, const struct toml_node *v)
{
    r->out->any_enclave = v->boolean;
    return 0;
}

static int take_any_td(struct reader *r, const struct toml_node *v)
{
    r->out->policy.allow_tdx = v->boolean;
    return 0;
}

static int take_debug(struct reader *r, const struct toml_node *v)
{
    r->out->policy.allow_debug = v->boolean;
    return 0;
}

/* A path, relative to the folder of the policy file. */
static int take_path(struct reader *r, const struct toml_node *v, char *out, size_t size)
{
    const char *slash = strrchr(r->name, '/');
    if (v->kind != TOML_STRING || v->length == 0 || strlen(v->text) != v->length)
        return wrong(r, v, "not the name of a file");
    int n = v->text[0] == '/' || !slash
                ? snprintf(out, size, "%s", v->text)
                : snprintf(out, size, "%.*s/%s", (int)(slash - r->name), r->name, v->text);
    return n < 0 || (size_t)n >= size ? wrong(r, v, "the name is too long") : 0;
}

static int take_roots(struct reader *r, const struct toml_node *v)
{
    struct trust_files *t = &r->out->roots;
    for (size_t i = 0; i < v->count; i++) {
        if (t->count == TRUST_ROOTS_MAX)
            return wrong(r, v, "too many trust roots");
        const struct toml_node *item = v->items[i];
        char *out = t->path[t->count];
        if (item->kind == TOML_STRING && strcmp(item->text, TRUST_INTEL) == 0)
            strcpy(out, TRUST_INTEL);
        else if (take_path(r, item, out, sizeof(t->path[0])))
            return -EINVAL;
        t->count++;
    }
    return 0;
}

static int take_collateral(struct reader *r, const struct toml_node *v)
{
    return take_path(r, v, r->out->collateral, sizeof(r->out->collateral));
}

static const struct key g_keys[] = {
    { "mrenclave", TOML_ARRAY, take_mrenclave, false },
    { "mrsigner", TOML_ARRAY, take_mrsigner, false },
    { "product_id", TOML_INTEGER, take_prod_id, false },
    { "min_svn", TOML_INTEGER, take_min_svn, false },
    { "any_enclave", TOML_BOOLEAN, take_any_enclave, false },
    { "mrtd", TOML_ARRAY, take_mrtd, false },
    { "any_td", TOML_BOOLEAN, take_any_td, false },
    { "allow_debug", TOML_BOOLEAN, take_debug, false },
    { "tcb_status", TOML_ARRAY, take_status, true },
    { "accepted_advisories", TOML_ARRAY, take_accepted, true },
    { "refused_advisories", TOML_ARRAY, take_refused, true },
    { "max_collateral_age_days", TOML_INTEGER, take_age, false },
    { "trust_roots", TOML_ARRAY, take_roots, false },
    { "collateral", TOML_STRING, take_collateral, false },
};

static int unknown(const struct reader *r, const struct toml_node *v)
{
    const char *names[ARRAY_COUNT(g_keys) + 1] = { NULL };
    for (size_t i = 0; i < ARRAY_COUNT(g_keys); i++)
        names[i] = g_keys[i].name;
    const char *near = nearest_name(v->key, names);
    return problem_set(r->why, -EINVAL, "%s:%u: unknown key: %.100s%s%s%s", r->name, v->line, v->key,
                       near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int take_member(struct reader *r, const struct toml_node *v)
{
    for (size_t i = 0; i < ARRAY_COUNT(g_keys); i++) {
        const struct key *k = &g_keys[i];
        if (strcmp(k->name, v->key) != 0)
            continue;
        if (v->kind != k->kind)
            return problem_set(r->why, -EINVAL, "%s:%u: %s: a value of type %s, not %s", r->name, v->line, v->key,
                               toml_kind_name(k->kind), toml_kind_name(v->kind));
        if (v->kind == TOML_ARRAY && v->count == 0 && !k->may_be_empty)
            return wrong(r, v, "an empty list accepts nobody: leave it out, or name something");
        return k->take(r, v);
    }
    return unknown(r, v);
}

int policy_file_parse(const char *name, const char *text, size_t size, struct policy_file *out, struct problem *why)
{
    struct reader r = { name, out, why };
    struct toml_node *all = NULL;
    *out = (struct policy_file){ 0 };
    int ret = toml_parse(name, text, size, &all, why);
    for (size_t i = 0; ret == 0 && i < all->count; i++)
        ret = take_member(&r, all->items[i]);
    toml_free(all);
    return ret;
}

int policy_file_load(const char *path, struct policy_file *out, struct problem *why)
{
    uint8_t *text = NULL;
    size_t size = 0;
    *out = (struct policy_file){ 0 };
    int ret = file_read(path, POLICY_TEXT_MAX, &text, &size);
    if (ret)
        return problem_set(why, ret, "%s: %s", path, strerror(-ret));
    ret = policy_file_parse(path, (const char *)text, size, out, why);
    free(text);
    return ret;
}
