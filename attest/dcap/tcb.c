/*
 * TCB info: parse, sort, choose the level. The document's signature is checked elsewhere, before
 * any level is believed; parsing itself trusts nothing.
 */
#include "attest/dcap/tcb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

static int parse_level_common(const json_t *level, enum tcb_status *status, int64_t *date,
                              json_t **advisories)
{
    const char *name = member_string(level, "tcbStatus");
    if (!name || tcb_status_parse(name, status) || *status == TCB_RELAUNCH_ADVISED ||
        *status == TCB_RELAUNCH_ADVISED_CONFIG_NEEDED)
        return -EINVAL;
    if (member_date(level, "tcbDate", date))
        return -EINVAL;
    return member_advisories(level, advisories);
}

static int compare_svn_levels(const void *a, const void *b)
{
    return (int)((const struct svn_level *)b)->isvsvn - (int)((const struct svn_level *)a)->isvsvn;
}

static int parse_svn_level(const json_t *from, struct svn_level *l)
{
    uint32_t svn;
    if (member_uint(json_object_get(from, "tcb"), "isvsvn", UINT16_MAX, &svn) ||
        parse_level_common(from, &l->status, &l->date, &l->advisories))
        return -EINVAL;
    l->isvsvn = (uint16_t)svn;
    bool known = l->status == TCB_UP_TO_DATE || l->status == TCB_OUT_OF_DATE ||
                 l->status == TCB_REVOKED;
    return known ? 0 : -EINVAL;
}

int svn_levels_parse(const json_t *list, struct svn_levels *out)
{
    size_t count = json_array_size(list);
    *out = (struct svn_levels){ 0 };
    if (count == 0 || count > TCB_LEVELS_MAX)
        return -EINVAL;
    out->level = calloc(count, sizeof(*out->level));
    if (!out->level)
        return -ENOMEM;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        if (parse_svn_level(json_array_get(list, i), &out->level[i]))
            return -EINVAL;
    qsort(out->level, count, sizeof(*out->level), compare_svn_levels);
    for (size_t i = 1; i < count; i++)
        if (out->level[i].isvsvn == out->level[i - 1].isvsvn)
            return -EINVAL;
    return 0;
}

const struct svn_level *svn_level_find(const struct svn_levels *l, uint16_t isvsvn)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->level[i].isvsvn <= isvsvn)
            return &l->level[i];
    return NULL;
}

/* Intel's library keeps the low byte of a component above 255. We refuse the document, but only
 * once it is read. */
static int parse_component(struct tcb_info *t, const json_t *from, const char *name, uint8_t *out)
{
    uint32_t svn;
    if (member_uint(from, name, INT32_MAX, &svn))
        return -EINVAL;
    t->too_wide |= svn > UINT8_MAX;
    *out = (uint8_t)svn;
    return 0;
}

/* Version 3: an array of 16 objects. */
static int parse_components(struct tcb_info *t, const json_t *list, uint8_t out[TCB_COMPONENTS])
{
    if (json_array_size(list) != TCB_COMPONENTS)
        return -EINVAL;
    for (size_t i = 0; i < TCB_COMPONENTS; i++)
        if (parse_component(t, json_array_get(list, i), "svn", &out[i]))
            return -EINVAL;
    return 0;
}

static int parse_components_v2(struct tcb_info *t, const json_t *tcb, uint8_t out[TCB_COMPONENTS])
{
    char name[] = "sgxtcbcomp00svn";
    for (unsigned i = 0; i < TCB_COMPONENTS; i++) {
        name[10] = (char)('0' + (i + 1) / 10);
        name[11] = (char)('0' + (i + 1) % 10);
        if (parse_component(t, tcb, name, &out[i]))
            return -EINVAL;
    }
    return 0;
}

static int parse_level(struct tcb_info *t, const json_t *from, struct tcb_level *l)
{
    const json_t *tcb = json_object_get(from, "tcb");
    uint32_t pcesvn;
    int ret = t->version == 2
                  ? parse_components_v2(t, tcb, l->sgx)
                  : parse_components(t, json_object_get(tcb, "sgxtcbcomponents"), l->sgx);
    if (ret || member_uint(tcb, "pcesvn", UINT16_MAX, &pcesvn))
        return -EINVAL;
    l->pcesvn = (uint16_t)pcesvn;
    if (t->tdx && parse_components(t, json_object_get(tcb, "tdxtcbcomponents"), l->tdx))
        return -EINVAL;
    return parse_level_common(from, &l->status, &l->date, &l->advisories);
}

static int compare_levels(const void *pa, const void *pb)
{
    const struct tcb_level *a = pa, *b = pb;
    int d = memcmp(b->sgx, a->sgx, TCB_COMPONENTS);
    if (d == 0)
        d = (int)b->pcesvn - (int)a->pcesvn;
    return d ? d : memcmp(b->tdx, a->tdx, TCB_COMPONENTS);
}

/* File order means nothing: sort, and refuse two levels with the same key. */
static int parse_levels(struct tcb_info *t)
{
    const json_t *list = json_object_get(t->document.value, "tcbLevels");
    size_t count = json_array_size(list);
    if (count == 0 || count > TCB_LEVELS_MAX)
        return -EINVAL;
    t->level = calloc(count, sizeof(*t->level));
    if (!t->level)
        return -ENOMEM;
    t->level_count = count;
    for (size_t i = 0; i < count; i++)
        if (parse_level(t, json_array_get(list, i), &t->level[i]))
            return -EINVAL;
    qsort(t->level, count, sizeof(*t->level), compare_levels);
    for (size_t i = 1; i < count; i++)
        if (compare_levels(&t->level[i - 1], &t->level[i]) == 0)
            return -EINVAL;
    return 0;
}

static int parse_module(const json_t *from, struct tdx_module *m)
{
    if (member_hex(from, "mrsigner", m->mrsigner, sizeof(m->mrsigner)) ||
        member_hex(from, "attributes", m->attributes, sizeof(m->attributes)) ||
        member_hex(from, "attributesMask", m->attributes_mask, sizeof(m->attributes_mask)))
        return -EINVAL;
    return 0;
}

/* "TDX_01", either case: the number is the module's version in hexadecimal. */
static int parse_module_version(const char *id, uint8_t *version)
{
    if (!id || strlen(id) != 6 || strncasecmp(id, "TDX_", 4) != 0)
        return -EINVAL;
    return hex_decode(id + 4, 2, version, 1);
}

static int parse_modules(struct tcb_info *t)
{
    const json_t *module = json_object_get(t->document.value, "tdxModule");
    const json_t *list = json_object_get(t->document.value, "tdxModuleIdentities");
    size_t count = json_array_size(list);
    if (!module || parse_module(module, &t->module))
        return -EINVAL;
    t->has_module = true;
    if (!list)
        return 0;
    if (!json_is_array(list) || count > TCB_MODULES_MAX)
        return -EINVAL;
    t->identities = calloc(count + 1, sizeof(*t->identities));
    if (!t->identities)
        return -ENOMEM;
    t->identity_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(list, i);
        struct tdx_module *m = &t->identities[i];
        if (parse_module_version(member_string(from, "id"), &m->version) || parse_module(from, m))
            return -EINVAL;
        int ret = svn_levels_parse(json_object_get(from, "tcbLevels"), &m->levels);
        if (ret)
            return ret;
    }
    return 0;
}

/* Version 2 has no id (it means SGX); version 3 must have one. */
static int parse_kind(struct tcb_info *t)
{
    const json_t *v = t->document.value;
    const char *id = member_string(v, "id");
    if (member_uint(v, "version", 3, &t->version) || t->version < 2)
        return -EINVAL;
    if (t->version == 3) {
        if (!id || (strcmp(id, "SGX") != 0 && strcmp(id, "TDX") != 0))
            return -EINVAL;
        t->tdx = strcmp(id, "TDX") == 0;
    }
    if (!t->tdx && (json_object_get(v, "tdxModule") || json_object_get(v, "tdxModuleIdentities")))
        return -EINVAL;
    return 0;
}

int tcb_info_parse(const char *text, size_t size, struct tcb_info *out)
{
    *out = (struct tcb_info){ 0 };
    uint32_t tcb_type;
    int ret = document_parse(text, size, "tcbInfo", &out->document);
    if (ret)
        return ret;
    const json_t *v = out->document.value;
    if (parse_kind(out) || member_uint(v, "tcbType", 0, &tcb_type) ||
        member_hex(v, "fmspc", out->fmspc, sizeof(out->fmspc)) ||
        member_hex(v, "pceId", out->pceid, sizeof(out->pceid)))
        return -EINVAL;
    if (out->tdx && (ret = parse_modules(out)))
        return ret;
    ret = parse_levels(out);
    return ret == 0 && out->too_wide ? -ERANGE : ret;
}

void tcb_info_fini(struct tcb_info *t)
{
    for (size_t i = 0; i < t->identity_count; i++)
        free(t->identities[i].levels.level);
    free(t->identities);
    free(t->level);
    document_fini(&t->document);
    *t = (struct tcb_info){ 0 };
}

static bool level_reached(const struct tcb_level *l, const struct tcb_platform *p)
{
    for (unsigned i = 0; i < TCB_COMPONENTS; i++)
        if (p->components[i] < l->sgx[i])
            return false;
    if (p->pcesvn < l->pcesvn)
        return false;
    if (!p->tee_tcb_svn)
        return true;
    /* With a versioned module, bytes 0 and 1 are judged by the module's identity instead. */
    for (unsigned i = p->tee_tcb_svn[1] > 0 ? 2 : 0; i < TCB_COMPONENTS; i++)
        if (p->tee_tcb_svn[i] < l->tdx[i])
            return false;
    return true;
}

const struct tcb_level *tcb_level_find(const struct tcb_info *t, const struct tcb_platform *p)
{
    for (size_t i = 0; i < t->level_count; i++)
        if (level_reached(&t->level[i], p))
            return &t->level[i];
    return NULL;
}

enum tcb_status tcb_converge(enum tcb_status platform, enum tcb_status part)
{
    if (platform == TCB_REVOKED || part == TCB_REVOKED)
        return TCB_REVOKED;
    if (part != TCB_OUT_OF_DATE)
        return platform;
    switch (platform) {
    case TCB_UP_TO_DATE:
    case TCB_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE;
    case TCB_CONFIG_NEEDED:
    case TCB_CONFIG_AND_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE_CONFIG_NEEDED;
    default: return platform;
    }
}
