/* Bundles and the cache: see store.h. Cached files are the user's own but are examined like an answer. */
#include "attest/collateral/store.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/file.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define BUNDLE_MAX (COLLATERAL_ITEMS * COLLATERAL_ITEM_MAX)

/* DER has no place in JSON: hexadecimal, as a PCCS sends it. */
static json_t *item_text(const uint8_t *data, size_t size)
{
    if (size < 2 || data[0] != 0x30 || data[1] < 0x80) /* lists are longer than 127 bytes */
        return json_stringn((const char *)data, size);
    char *hex = malloc(2 * size + 1);
    if (!hex)
        return NULL;
    hex_encode(data, size, hex);
    json_t *v = json_stringn(hex, 2 * size);
    free(hex);
    return v;
}

static json_t *bundle_json(const struct collateral *c, const struct collateral_facts *f, const struct bundle_origin *o)
{
    char fmspc[13];
    hex_encode(f->fmspc, sizeof(f->fmspc), fmspc);
    json_t *all = json_pack("{s:s, s:s, s:s}", "tee", collateral_tee_name(f), "fmspc", fmspc, "ca", collateral_ca_name(f));
    int bad = !all;
    if (o->source[0])
        bad |= json_object_set_new(all, "source", json_string(o->source));
    if (o->fetched)
        bad |= json_object_set_new(all, "fetched", json_integer(o->fetched));
    if (o->expires)
        bad |= json_object_set_new(all, "expires", json_integer(o->expires));
    for (int i = 0; i < COLLATERAL_ITEMS && !bad; i++)
        if (c->item[i].data)
            bad |= json_object_set_new(all, collateral_member_name(i), item_text(c->item[i].data, c->item[i].size));
    if (!bad)
        return all;
    json_decref(all);
    return NULL;
}

int bundle_text(const struct collateral *c, const struct collateral_facts *f, const struct bundle_origin *o,
                char **out, size_t *size)
{
    json_t *all = bundle_json(c, f, o);
    *out = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    json_decref(all);
    if (!*out)
        return -EINVAL;
    *size = strlen(*out);
    return 0;
}

int bundle_write(const char *path, const struct collateral *c, const struct collateral_facts *f,
                 const struct bundle_origin *o, struct problem *why)
{
    char *text;
    size_t size;
    int ret = bundle_text(c, f, o, &text, &size);
    if (ret)
        return problem_set(why, ret, "%s: out of memory, or not text", path);
    ret = file_write(path, text, size, 0644);
    free(text);
    return ret ? problem_set(why, ret, "%s: %s", path, strerror(-ret)) : 0;
}

static int64_t number(const json_t *all, const char *name)
{
    return json_integer_value(json_object_get(all, name));
}

void bundle_origin_read(const char *text, size_t size, struct bundle_origin *out)
{
    *out = (struct bundle_origin){ 0 };
    json_t *all = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *source = json_string_value(json_object_get(all, "source"));
    if (source)
        snprintf(out->source, sizeof(out->source), "%s", source);
    out->fetched = number(all, "fetched");
    out->expires = number(all, "expires");
    json_decref(all);
}

static int make_folders(char *path)
{
    for (char *c = path + 1;; c++) {
        if (*c != '/' && *c)
            continue;
        char kept = *c;
        *c = 0;
        int bad = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
        *c = kept;
        if (bad || !kept)
            return bad;
    }
}

int store_folder(char *out, size_t size, struct problem *why)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool xdg = base && base[0] == '/'; /* the specification ignores relative ones */
    if (!xdg && (!home || home[0] != '/'))
        return problem_set(why, -ENOENT, "no cache folder: neither XDG_CACHE_HOME nor HOME is set");
    int n = snprintf(out, size, "%s%s/cloister/collateral", xdg ? base : home, xdg ? "" : "/.cache");
    if (n < 0 || (size_t)n >= size)
        return problem_set(why, -ENAMETOOLONG, "cache folder: the name is too long");
    int ret = make_folders(out);
    return ret ? problem_set(why, ret, "cache folder: %s: %s", out, strerror(-ret)) : 0;
}

int store_load(const char *path, struct collateral *out, struct collateral_facts *facts, struct bundle_origin *origin)
{
    struct problem why;
    const char *missing;
    uint8_t *text = NULL;
    size_t size = 0;
    *out = (struct collateral){ 0 };
    int ret = file_read(path, BUNDLE_MAX, &text, &size);
    if (ret)
        return ret;
    ret = collateral_parse_bundle((const char *)text, size, out, &missing);
    if (ret == 0)
        ret = collateral_examine(out, facts, &why);
    if (ret == 0)
        bundle_origin_read((const char *)text, size, origin);
    free(text);
    if (ret)
        collateral_fini(out);
    return ret && ret != -ENOMEM ? -ENOENT : ret;
}
