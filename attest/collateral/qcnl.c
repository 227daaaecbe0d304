/*
 * Read sgx_default_qcnl.conf. The file is the machine's own, but users paste it from the web: wrong
 * types and values are named. See qcnl.h.
 */
#include "attest/collateral/qcnl.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attest/file.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define CACHE_HOURS_MAX 2160
#define TIMEOUT         30

enum kind { URL, BOOL, COUNT, WORD, CUSTOM, IGNORED };

/* Upper-cased, the same names are those of the older form. */
static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned max; /* COUNT */
} g_keys[] = {
    { "pccs_url", URL, offsetof(struct qcnl, pccs_url), 0 },
    { "collateral_service", URL, offsetof(struct qcnl, collateral_service), 0 },
    { "use_secure_cert", BOOL, offsetof(struct qcnl, insecure_tls), 0 },
    { "local_cache_only", BOOL, offsetof(struct qcnl, local_cache_only), 0 },
    { "retry_times", COUNT, offsetof(struct qcnl, retry_times), 100 },
    { "retry_delay", COUNT, offsetof(struct qcnl, retry_delay), 3600 },
    { "verify_collateral_cache_expire_hours", COUNT, offsetof(struct qcnl, cache_hours),
      CACHE_HOURS_MAX },
    { "tcb_update_type", WORD, 0, 0 },
    { "pccs_api_version", WORD, 0, 0 },
    { "local_pck_url", URL, offsetof(struct qcnl, local_pck_url), 0 },
    { "custom_request_options", CUSTOM, 0, 0 },
    { "pck_cache_expire_hours", IGNORED, 0, 0 },
};

void qcnl_defaults(struct qcnl *q)
{
    *q = (struct qcnl){ .pccs_url = QCNL_INTEL,
                        .tcb_update_type = "standard",
                        .der_crls = true,
                        .cache_hours = 168,
                        .timeout = TIMEOUT };
}

const char *qcnl_service(const struct qcnl *q)
{
    return q->collateral_service[0] ? q->collateral_service : q->pccs_url;
}

static int take_url(const char *text, char out[QCNL_URL_MAX])
{
    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return -EINVAL;
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '#' || *c == '?')
            return -EINVAL; /* a path is appended to it */
    return str_copy(out, QCNL_URL_MAX, text) < 0 ? -EINVAL : 0;
}

static int take_word(const char *key, const char *text, struct qcnl *q)
{
    if (strcmp(key, "tcb_update_type") == 0) {
        if (strcmp(text, "standard") != 0 && strcmp(text, "early") != 0)
            return -EINVAL;
        strcpy(q->tcb_update_type, text);
        return 0;
    }
    q->der_crls = strcmp(text, "3.1") == 0;
    return q->der_crls || strcmp(text, "3.0") == 0 ? 0 : -EINVAL;
}

static void take_bool(size_t row, bool value, struct qcnl *q)
{
    bool *out = (bool *)((char *)q + g_keys[row].offset);
    *out = out == &q->insecure_tls ? !value : value; /* use_secure_cert says the opposite */
}

static int take_count(size_t row, uint64_t value, struct qcnl *q)
{
    if (value > g_keys[row].max)
        return -EINVAL;
    *(unsigned *)((char *)q + g_keys[row].offset) = (unsigned)value;
    return 0;
}

static int take_text(size_t row, const char *text, struct qcnl *q)
{
    return g_keys[row].kind == URL ? take_url(text, (char *)q + g_keys[row].offset)
                                   : take_word(g_keys[row].name, text, q);
}

/* Of what goes into a URL or a header line: nothing that could end it and begin another. */
static bool is_plain(const char *text, const char *but)
{
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c >= 0x7f || strchr(but, *c))
            return false;
    return true;
}

static int take_param(struct qcnl *q, const char *name, const char *value)
{
    size_t used = strlen(q->pck_params);
    if (!*name || !is_plain(name, " &=#?%") || !is_plain(value, " &#?"))
        return -EINVAL;
    int n = snprintf(q->pck_params + used, sizeof(q->pck_params) - used, "&%s=%s", name, value);
    return n < 0 || (size_t)n >= sizeof(q->pck_params) - used ? -EINVAL : 0;
}

static int take_header(struct qcnl *q, const char *name, const char *value)
{
    size_t i = 0;
    while (i < QCNL_HEADERS_MAX && q->pck_headers[i][0])
        i++;
    if (i == QCNL_HEADERS_MAX || !*name || !is_plain(name, " :;") || !is_plain(value, ""))
        return -EINVAL;
    int n = snprintf(q->pck_headers[i], QCNL_HEADER_MAX, "%s: %s", name, value);
    return n < 0 || n >= QCNL_HEADER_MAX ? -EINVAL : 0;
}

/* {"get_cert": {"headers": {NAME: TEXT}, "params": {NAME: TEXT}}}, all optional. */
static int take_custom(const json_t *v, struct qcnl *q)
{
    json_t *get = json_object_get(v, "get_cert"), *value;
    const char *name;
    int ret = json_is_object(v) && (!get || json_is_object(get)) ? 0 : -EINVAL;
    json_object_foreach(json_object_get(get, "params"), name, value)
        ret = ret || !json_is_string(value) ? -EINVAL
                                            : take_param(q, name, json_string_value(value));
    json_object_foreach(json_object_get(get, "headers"), name, value)
        ret = ret || !json_is_string(value) ? -EINVAL
                                            : take_header(q, name, json_string_value(value));
    return ret;
}

static int take_json(size_t row, const json_t *v, struct qcnl *q)
{
    switch (g_keys[row].kind) {
    case IGNORED: return 0;
    case CUSTOM: return take_custom(v, q);
    case BOOL: take_bool(row, json_is_true(v), q); return json_is_boolean(v) ? 0 : -EINVAL;
    case COUNT:
        return json_is_integer(v) && json_integer_value(v) >= 0
                   ? take_count(row, (uint64_t)json_integer_value(v), q)
                   : -EINVAL;
    default: return json_is_string(v) ? take_text(row, json_string_value(v), q) : -EINVAL;
    }
}

/* Blank out comments: // to the end of the line, but not inside a string (every URL has them). */
static void blank_comments(char *text, size_t size)
{
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\' && in_string)
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && text[i] == '/' && i + 1 < size && text[i + 1] == '/')
            while (i < size && text[i] != '\n')
                text[i++] = ' ';
    }
}

static int parse_json(const char *name, char *text, size_t size, struct qcnl *q,
                      struct problem *why)
{
    json_error_t error;
    const char *key;
    json_t *v;
    int ret = 0;
    blank_comments(text, size);
    json_t *all = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!all)
        return problem_set(why, -EINVAL, "%s:%d: not JSON: %s", name, error.line, error.text);
    json_object_foreach(all, key, v)
    {
        for (size_t i = 0; i < ARRAY_COUNT(g_keys) && ret == 0; i++)
            if (strcmp(g_keys[i].name, key) == 0)
                ret = take_json(i, v, q);
        if (ret) {
            ret = problem_set(why, ret, "%s: %s: wrong type or value", name, key);
            break;
        }
    }
    json_decref(all);
    return ret;
}

static int take_line(size_t row, const char *value, struct qcnl *q)
{
    uint64_t number;
    switch (g_keys[row].kind) {
    case CUSTOM: /* there is no such line */
    case IGNORED: return 0;
    case BOOL:
        take_bool(row, strcasecmp(value, "true") == 0, q);
        return strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0 ? 0 : -EINVAL;
    case COUNT:
        return str_parse_u64(value, strlen(value), &number) ? -EINVAL : take_count(row, number, q);
    default: return take_text(row, value, q);
    }
}

/* One line, NUL-terminated: KEY=value; blank lines and # comments. Unknown keys are let by, as by
 * Intel's library. */
static int parse_line(char *line, struct qcnl *q, const char **key)
{
    line += strspn(line, " \t");
    char *equals = strchr(line, '=');
    size_t end = strlen(line);
    while (end > 0 && strchr(" \t\r", line[end - 1]))
        line[--end] = 0;
    *key = line;
    if (*line == 0 || *line == '#')
        return 0;
    if (!equals)
        return -EINVAL;
    char *value = equals + 1 + strspn(equals + 1, " \t");
    do
        *equals-- = 0;
    while (equals > line && (*equals == ' ' || *equals == '\t'));
    for (size_t i = 0; i < ARRAY_COUNT(g_keys); i++)
        if (strcasecmp(g_keys[i].name, line) == 0)
            return take_line(i, value, q);
    return 0;
}

static int parse_lines(const char *name, char *text, struct qcnl *q, struct problem *why)
{
    unsigned number = 0;
    for (char *line = text, *next; line; line = next) {
        const char *key;
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        number++;
        if (parse_line(line, q, &key))
            return problem_set(why, -EINVAL, "%s:%u: %.60s: not KEY=value, or a wrong value", name,
                               number, key);
    }
    return 0;
}

int qcnl_parse(const char *name, const char *text, size_t size, struct qcnl *out,
               struct problem *why)
{
    qcnl_defaults(out);
    if (size > QCNL_TEXT_MAX || memchr(text, 0, size))
        return problem_set(why, -EINVAL, "%s: too large, or not text", name);
    char *copy = malloc(size + 1);
    if (!copy)
        return problem_set(why, -ENOMEM, "%s: out of memory", name);
    memcpy(copy, text, size);
    copy[size] = 0;
    const char *first = copy + strspn(copy, " \t\r\n");
    bool json = *first == '{' || (first[0] == '/' && first[1] == '/');
    out->der_crls = false; /* a PCCS of which nothing is said speaks 3.0 */
    out->cache_hours = 0;
    strcpy(out->pccs_url, QCNL_LOCAL);
    int ret = json ? parse_json(name, copy, size, out, why) : parse_lines(name, copy, out, why);
    free(copy);
    return ret;
}

int qcnl_load(const char *path, struct qcnl *out, struct problem *why)
{
    const char *name = path ? path : getenv("QCNL_CONF_PATH");
    uint8_t *text = NULL;
    size_t size = 0;
    qcnl_defaults(out);
    int ret = file_read(name ? name : QCNL_FILE, QCNL_TEXT_MAX, &text, &size);
    if (ret == -ENOENT && !name)
        return 0;
    if (ret)
        return problem_set(why, ret, "%s: %s", name ? name : QCNL_FILE, strerror(-ret));
    ret = qcnl_parse(name ? name : QCNL_FILE, (const char *)text, size, out, why);
    free(text);
    return ret;
}
