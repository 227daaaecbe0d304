/*
 * Run the verifier over every case of shared/vectors/dcap and print a table: usage vectors_test
 * DIR. Each case says what Intel's library yields; where we deliberately refuse more ("strict"),
 * the row names the mark of expected.json that allows it and our choice, which is checked. Exit 77
 * (skip) without the folder.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/dcap/collateral.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/verify.h"
#include "attest/file.h"

struct result {
    enum { PASS, FAIL, STRICT } kind;
    char note[256];
};

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

/*
 * Where INDEX.md lets a verifier choose: the mark that expected.json must carry, the step at which
 * we then refuse (0: either step of dates; -1: we accept), and the choice as attest/README.md
 * documents it.
 */
static const struct choice {
    const char *mark;
    int step;
    const char *words;
} g_choices[] = {
    { "TCB_INFO_SIGNATURE", VERIFY_TCB_INFO_SIGNATURE, "the bytes as sent are verified" },
    { "CPUSVN_INCONSISTENT", VERIFY_PCK_CHAIN_FORMAT, "a leaf that contradicts itself" },
    { "ROOT_REVOKED", VERIFY_REVOKED, "a root that lists itself" },
    { "PCK_CERT_FORMAT", VERIFY_PCK_CHAIN_FORMAT, "an unknown SGX type" },
    { "TCB_INFO_FORMAT", VERIFY_TCB_INFO_FORMAT, "a component above 255" },
    { "DUPLICATE_MEMBER", VERIFY_TCB_INFO_FORMAT, "a duplicate member" },
    { "CRL_NOT_YET_VALID", VERIFY_NOT_YET_VALID, "not yet valid" },
    { "NOT_YET_VALID", VERIFY_NOT_YET_VALID, "not yet valid" },
    { "PCK_CERT_NOT_YET_VALID", VERIFY_NOT_YET_VALID, "not yet valid" },
    { "QE_IDENTITY_EXPIRED", VERIFY_EXPIRED, "expired" },
    { "CRL_EXPIRED_OR_NOT_YET_VALID", 0, "expired, or not yet valid" },
    { "CRL_EXPIRED", VERIFY_EXPIRED, "expired" },
    { "PCK_CERT_EXPIRED", VERIFY_EXPIRED, "expired" },
    { "COLLATERAL_EXPIRED", VERIFY_EXPIRED, "expired" },
    { "ACCEPT_IF_KEY_PINNED", -1, "the root's key is pinned" },
};

static const struct choice *choice_of(const char *mark)
{
    for (size_t i = 0; i < sizeof(g_choices) / sizeof(g_choices[0]); i++)
        if (strcmp(g_choices[i].mark, mark) == 0)
            return &g_choices[i];
    return NULL;
}

static bool same_advisories(const json_t *list, const struct verdict *v)
{
    if (json_array_size(list) != v->advisories.count)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *want = json_string_value(json_array_get(list, i));
        bool found = false;
        for (unsigned k = 0; k < v->advisories.count; k++)
            found |= strcmp(v->advisories.name[k], want) == 0;
        if (!found)
            return false;
    }
    return true;
}

static void compare_facts(const json_t *expect, const struct verdict *v, struct result *r)
{
    r->kind = FAIL;
    if (strcmp(text(expect, "tcb_status"), tcb_status_name(v->status)) != 0 &&
        v->status != TCB_RELAUNCH_ADVISED && v->status != TCB_RELAUNCH_ADVISED_CONFIG_NEEDED)
        snprintf(r->note, sizeof(r->note), "status %s", tcb_status_name(v->status));
    else if (!same_advisories(json_object_get(expect, "advisory_ids"), v))
        snprintf(r->note, sizeof(r->note), "advisories differ (%u)", v->advisories.count);
    else if (json_integer_value(json_object_get(expect, "tcb_eval_num")) != v->evaluation_number)
        snprintf(r->note, sizeof(r->note), "evaluation number %u", v->evaluation_number);
    else
        r->kind = PASS;
}

static void compare(const json_t *expect, const struct verdict *v, struct result *r)
{
    const char *kind = text(expect, "kind");
    unsigned code = (unsigned)strtoul(text(expect, "code"), NULL, 16);
    unsigned got = v->verified ? tcb_status_code(v->status) : verify_step_code(v->failed);
    *r = (struct result){ .kind = got == code && v->verified == (strcmp(kind, "result") == 0)
                                      ? PASS
                                      : FAIL };
    if (r->kind == PASS && v->verified)
        compare_facts(expect, v, r);
    bool expired = json_integer_value(json_object_get(expect, "collateral_expired"));
    if (r->kind == PASS && v->verified && expired != (v->expired || v->not_yet_valid))
        *r = (struct result){ FAIL, "expiry flag differs" };
    if (r->kind == FAIL && !r->note[0])
        snprintf(r->note, sizeof(r->note), "got 0x%04X at %s%s%s", got, verify_step_name(v->failed),
                 v->detail ? ": " : "", v->detail ? v->detail : "");
}

static int load(const char *dir, const char *name, uint8_t **data, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return file_read(path, 1 << 20, data, size);
}

/* What is cached must change nothing: fresh, then twice from the cache. */
static bool same_with_cache(const uint8_t *quote, size_t size, const struct collateral *c,
                            const struct verify_options *o, int64_t at, const struct verdict *want)
{
    struct verify_options cached = *o;
    struct verdict v;
    bool same = (cached.cache = verify_cache_new()) != NULL;
    for (int i = 0; i < 3 && same; i++) {
        (void)quote_verify(quote, size, c, &cached, at, &v);
        same = memcmp(&v, want, sizeof(v)) == 0;
    }
    verify_cache_free(cached.cache);
    return same;
}

/*
 * The case is marked, and we choose. With out-of-date collateral accepted, dates decide nothing:
 * then the stated result must come out (`r`, as compared).
 */
static void judge_choice(const struct choice *c, const struct verdict *strict, struct result *r)
{
    bool by_date = strict->failed == VERIFY_EXPIRED || strict->failed == VERIFY_NOT_YET_VALID;
    bool as_chosen = c->step < 0 ? strict->verified
                                 : !strict->verified &&
                                       (c->step ? (int)strict->failed == c->step : by_date);
    if (by_date && r->kind != PASS)
        as_chosen = false;
    r->kind = as_chosen ? STRICT : FAIL;
    snprintf(r->note, sizeof(r->note), "strict=%s: choice \"%s\": %s%s%s", c->mark, c->words,
             strict->verified ? "accepted" : "refused at ",
             strict->verified ? "" : verify_step_name(strict->failed),
             by_date ? "; as stated when out-of-date collateral is accepted" : "");
}

static void judge(const char *dir, const json_t *expect, const uint8_t *quote, size_t size,
                  int64_t at, struct result *r)
{
    uint8_t *root = NULL;
    size_t root_size = 0;
    struct collateral c;
    struct trust_roots roots = { 0 };
    struct verdict lenient, strict;
    const char *mark = text(expect, "strict");
    const struct choice *choice = choice_of(mark);
    if (load(dir, "trusted_root.pem", &root, &root_size) ||
        trust_roots_add_pem(&roots, root, root_size) || strstr(dir, "/intel-sample/"))
        trust_roots_intel(&roots);
    (void)collateral_load(dir, &c, NULL);
    struct verify_options o = { &roots, true, NULL };
    (void)quote_verify(quote, size, &c, &o, at, &lenient);
    o.accept_out_of_date_collateral = false;
    (void)quote_verify(quote, size, &c, &o, at, &strict);
    compare(expect, &lenient, r);
    if (choice)
        judge_choice(choice, &strict, r);
    else if (r->kind == PASS && strict.verified != lenient.verified &&
             !(lenient.expired || lenient.not_yet_valid))
        *r = (struct result){ FAIL, "strict and lenient differ" };
    if (!same_with_cache(quote, size, &c, &o, at, &strict))
        *r = (struct result){ FAIL, "another verdict from the cache" };
    if (mark[0] && !choice && strcmp(mark, "DEBUG_ENCLAVE") != 0)
        *r = (struct result){ FAIL, "a mark that we have made no choice for" };
    if (strcmp(mark, "DEBUG_ENCLAVE") == 0 && !strict.body.debug)
        *r = (struct result){ FAIL, "debug not reported" };
    collateral_fini(&c);
    free(root);
}

static void verify_case(const char *dir, const json_t *expect, int64_t at, struct result *r)
{
    uint8_t *quote = NULL;
    size_t size = 0;
    *r = (struct result){ FAIL, "cannot load" };
    if (load(dir, "quote.bin", &quote, &size) == 0)
        judge(dir, expect, quote, size, at, r);
    free(quote);
}

/* Cases without public collateral: the quote must at least parse to the stated fields. */
static void parse_case(const char *dir, const json_t *quote, struct result *r)
{
    uint8_t *data = NULL;
    size_t size = 0;
    struct quote q;
    const char *why = NULL;
    *r = (struct result){ FAIL, "does not parse" };
    if (load(dir, "quote.bin", &data, &size) == 0 && quote_parse(data, size, &q, &why) == 0 &&
        q.version == json_integer_value(json_object_get(quote, "version")) &&
        q.cert_type == json_integer_value(json_object_get(quote, "certification_data_type")))
        *r = (struct result){ PASS, "parsed only (no public collateral)" };
    free(data);
}

static void run_case(const char *dir, struct result *r)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/expected.json", dir);
    json_t *e = json_load_file(path, 0, NULL);
    const json_t *expect = json_object_get(e, "expect");
    int64_t at = json_integer_value(json_object_get(e, "verify_at"));
    if (strcmp(text(expect, "kind"), "quote-only") == 0)
        parse_case(dir, json_object_get(e, "quote"), r);
    else
        verify_case(dir, expect, at, r);
    json_decref(e);
}

int main(int argc, char **argv)
{
    static const char *const words[] = { "pass", "FAIL", "pass (strict)" };
    unsigned count[3] = { 0 };
    char pattern[4096];
    glob_t cases;
    snprintf(pattern, sizeof(pattern), "%s/*/*/expected.json", argc > 1 ? argv[1] : ".");
    if (glob(pattern, 0, NULL, &cases)) {
        printf("SKIP: no vectors under %s\n", argc > 1 ? argv[1] : ".");
        return 77;
    }
    for (size_t i = 0; i < cases.gl_pathc; i++) {
        struct result r;
        *strrchr(cases.gl_pathv[i], '/') = 0;
        run_case(cases.gl_pathv[i], &r);
        count[r.kind]++;
        printf("%-14s %s  %s\n", words[r.kind], cases.gl_pathv[i] + strlen(argv[1]), r.note);
    }
    printf("%zu cases: %u pass, %u pass by a stricter choice, %u fail\n", cases.gl_pathc, count[0],
           count[2], count[1]);
    globfree(&cases);
    return count[FAIL] ? 1 : 0;
}
