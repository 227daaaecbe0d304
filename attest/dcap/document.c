/*
 * Parse a signed JSON document. Input is hostile. A scan of our own finds the span of the signed value
 * and bounds the nesting before the JSON library recurses into it; the library then does the rest.
 */
#include "attest/dcap/document.h"

#include <errno.h>
#include <string.h>

#include "attest/dcap/ecdsa.h"
#include "lib/base/str.h"

int date_parse(const char *s, int64_t *out)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    static const uint8_t month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    unsigned v[6] = { 0 }, field = 0;
    if (strlen(s) != sizeof(form) - 1)
        return -EINVAL;
    for (unsigned i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == 'd' && s[i] >= '0' && s[i] <= '9')
            v[field] = v[field] * 10 + (unsigned)(s[i] - '0');
        else if (form[i] != 'd' && s[i] == form[i])
            field++;
        else
            return -EINVAL;
    }
    bool leap = (v[0] % 4 == 0 && v[0] % 100 != 0) || v[0] % 400 == 0;
    if (v[0] < 1970 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[3] > 23 || v[4] > 59 || v[5] > 59 ||
        v[2] > month_days[v[1] - 1] + (unsigned)(leap && v[1] == 2))
        return -EINVAL;
    int64_t years = v[0] - 1;
    int64_t days = years * 365 + years / 4 - years / 100 + years / 400 - 719162;
    for (unsigned m = 0; m + 1 < v[1]; m++)
        days += month_days[m];
    days += (leap && v[1] > 2) + (int64_t)v[2] - 1;
    *out = ((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5];
    return 0;
}

int member_uint(const json_t *object, const char *name, uint32_t max, uint32_t *out)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return -EINVAL;
    *out = (uint32_t)json_integer_value(v);
    return 0;
}

const char *member_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int member_hex(const json_t *object, const char *name, void *out, size_t size)
{
    const char *s = member_string(object, name);
    return s ? hex_decode(s, strlen(s), out, size) : -EINVAL;
}

int member_date(const json_t *object, const char *name, int64_t *out)
{
    const char *s = member_string(object, name);
    return s ? date_parse(s, out) : -EINVAL;
}

int member_advisories(const json_t *object, json_t **out)
{
    json_t *list = json_object_get(object, "advisoryIDs");
    *out = list;
    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > ADVISORY_MAX)
        return -EINVAL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || strlen(name) >= ADVISORY_NAME_MAX)
            return -EINVAL;
        for (const char *p = name; *p; p++)
            if (*p <= ' ' || *p >= 0x7f || *p == ',' || *p == '"')
                return -EINVAL; /* it will be printed and joined with commas */
    }
    return 0;
}

/*
 * Find the value of a member of the outermost object: from '{' to its matching '}'. Only strings and
 * brackets matter for that. The JSON library checks the syntax afterwards.
 */
static int find_span(const char *s, size_t size, const char *member, struct document *d)
{
    size_t key_start = 0, key_size = 0, value = 0;
    unsigned depth = 0;
    bool in_string = false, wanted = false;
    for (size_t i = 0; i < size; i++) {
        if (in_string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"') {
                in_string = false;
                key_size = i - key_start;
            }
        } else if (s[i] == '"') {
            in_string = true;
            key_start = i + 1;
        } else if (s[i] == ':' && depth == 1) {
            wanted = key_size == strlen(member) && memcmp(s + key_start, member, key_size) == 0;
        } else if (s[i] == '{' || s[i] == '[') {
            if (++depth > DOCUMENT_DEPTH_MAX)
                return -EINVAL;
            if (depth == 2)
                value = i;
        } else if (s[i] == '}' || s[i] == ']') {
            if (depth == 0)
                return -EINVAL;
            if (--depth == 1 && wanted && !d->bytes) {
                d->bytes = s + value;
                d->size = i + 1 - value;
            }
        }
    }
    return d->bytes && depth == 0 && !in_string ? 0 : -EINVAL;
}

static int parse_common(struct document *d)
{
    if (member_date(d->value, "issueDate", &d->issued) ||
        member_date(d->value, "nextUpdate", &d->next_update))
        return -EINVAL;
    d->evaluation_number = 0;
    if (json_object_get(d->value, "tcbEvaluationDataNumber"))
        return member_uint(d->value, "tcbEvaluationDataNumber", UINT32_MAX, &d->evaluation_number);
    return -EINVAL;
}

int document_parse(const char *text, size_t size, const char *member, struct document *out)
{
    *out = (struct document){ 0 };
    while (size > 0 && (text[size - 1] == 0 || text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--; /* text members of Intel's collateral structure end with NUL */
    if (size > DOCUMENT_MAX || find_span(text, size, member, out))
        return -EINVAL;
    json_t *outer = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    int ret = -EINVAL;
    if (json_object_size(outer) == 2 && json_is_object(json_object_get(outer, member)) &&
        member_hex(outer, "signature", out->signature, sizeof(out->signature)) == 0)
        out->value = json_loadb(out->bytes, out->size, JSON_REJECT_DUPLICATES, NULL);
    if (out->value && json_is_object(out->value))
        ret = parse_common(out);
    json_decref(outer);
    return ret;
}

void document_fini(struct document *d)
{
    json_decref(d->value);
    *d = (struct document){ 0 };
}

bool document_signed_by(const struct document *d, EVP_PKEY *signer)
{
    return p256_verify(signer, d->signature, d->bytes, d->size);
}
