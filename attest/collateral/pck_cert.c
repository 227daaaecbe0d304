/*
 * Ask for a PCK certificate: see pck_cert.h. The answer is hostile: it proves itself by signatures
 * when the quote is verified; here it is only made sure that it is one chain, whole. Start at
 * pck_fetch().
 */
#include "attest/collateral/pck_cert.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/fetch.h"
#include "attest/collateral/http.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define URL_MAX      2048
#define TCBM_SIZE    18 /* CPUSVN, PCESVN */
#define TAIL_SIZE    20 /* CPUSVN, PCESVN, PCEID: the end of types 1 to 3 */
#define AZURE_PARAMS "&api-version=2021-07-22-preview"

int pck_request_from_quote(const void *quote, size_t size, struct pck_request *out,
                           struct problem *why)
{
    static const size_t ppid_sizes[] = { [QUOTE_CERT_PPID_CLEAR] = 16,
                                         [QUOTE_CERT_PPID_RSA2048] = 256,
                                         [QUOTE_CERT_PPID_RSA3072] = ENCRYPTED_PPID_SIZE };
    const char *reason;
    struct quote q;
    *out = (struct pck_request){ 0 };
    if (quote_parse(quote, size, &q, &reason))
        return problem_set(why, -EINVAL, "not a quote: %s", reason);
    if (q.cert_type > QUOTE_CERT_PPID_RSA3072)
        return problem_set(why, -EINVAL, "the quote carries its platform's certificate already");
    size_t ppid = ppid_sizes[q.cert_type];
    if (q.cert_size != ppid + TAIL_SIZE)
        return problem_set(why, -EINVAL, "not a quote: its certification data have a wrong length");
    out->ppid_encrypted = q.cert_type == QUOTE_CERT_PPID_RSA3072;
    if (out->ppid_encrypted)
        memcpy(out->encrypted_ppid, q.cert_data, ENCRYPTED_PPID_SIZE);
    memcpy(out->qe_id, q.user_data, sizeof(out->qe_id));
    memcpy(out->cpusvn, q.cert_data + ppid, sizeof(out->cpusvn));
    memcpy(out->pcesvn, q.cert_data + ppid + 16, sizeof(out->pcesvn));
    memcpy(out->pceid, q.cert_data + ppid + 18, sizeof(out->pceid));
    return 0;
}

static const char *base_of(const struct qcnl *q)
{
    return q->local_pck_url[0] ? q->local_pck_url : q->pccs_url;
}

int pck_url(const struct pck_request *r, const struct qcnl *q, char *out, size_t size)
{
    char qe_id[33], ppid[2 * ENCRYPTED_PPID_SIZE + 1] = "", cpusvn[33], pcesvn[5], pceid[5],
                                                   who[40] = "";
    const char *base = base_of(q), *params = q->pck_params;
    size_t base_size = strlen(base);
    while (base_size > 0 && base[base_size - 1] == '/')
        base_size--;
    hex_encode(r->qe_id, sizeof(r->qe_id), qe_id);
    hex_encode(r->cpusvn, sizeof(r->cpusvn), cpusvn);
    hex_encode(r->pcesvn, sizeof(r->pcesvn), pcesvn);
    hex_encode(r->pceid, sizeof(r->pceid), pceid);
    if (r->ppid_encrypted)
        hex_encode(r->encrypted_ppid, sizeof(r->encrypted_ppid), ppid);
    if (!fetch_is_intel(base)) /* which knows no such parameter */
        snprintf(who, sizeof(who), "qeid=%s&", qe_id);
    if (!params[0] && fetch_is_azure(base))
        params = AZURE_PARAMS;
    int n = snprintf(out, size, "%.*s/pckcert?%sencrypted_ppid=%s&cpusvn=%s&pcesvn=%s&pceid=%s%s",
                     (int)base_size, base, who, ppid, cpusvn, pcesvn, pceid, params);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* What the answer consists of, wherever it stood. Texts owned. */
struct parts {
    char *leaf, *issuers, *tcbm;
};

static int take_member(const json_t *all, const char *name, char **out)
{
    const json_t *v = json_object_get(all, name);
    if (!json_is_string(v) || strlen(json_string_value(v)) > CHAIN_PEM_MAX)
        return -EINVAL;
    *out = strdup(json_string_value(v));
    return *out ? 0 : -ENOMEM;
}

/* Azure's chain is escaped as in a header, or is not. */
static int take_issuers(const json_t *all, char **out)
{
    char *text = NULL, *line = NULL;
    size_t size;
    int ret = take_member(all, "sgx-Pck-Certificate-Issuer-Chain", &text);
    if (ret || !strchr(text, '%')) {
        *out = text;
        return ret;
    }
    int n = asprintf(&line, "X: %s", text);
    free(text);
    if (n < 0)
        return -ENOMEM;
    struct answer a = { .headers = line, .headers_size = (size_t)n };
    ret = answer_header(&a, "X", out, &size);
    free(line);
    return ret;
}

static int parts_from_json(const struct answer *a, struct parts *p, struct problem *why)
{
    json_t *all = json_loadb((const char *)a->body, a->body_size, JSON_REJECT_DUPLICATES, NULL);
    int ret = take_member(all, "pckCert", &p->leaf);
    if (ret == 0)
        ret = take_issuers(all, &p->issuers);
    if (ret == 0)
        ret = take_member(all, "sgx-Tcbm", &p->tcbm);
    json_decref(all);
    if (ret == -ENOMEM)
        return problem_set(why, ret, "out of memory");
    return ret ? problem_set(why, ret,
                             "the answer is JSON, but not with pckCert, "
                             "sgx-Pck-Certificate-Issuer-Chain and sgx-Tcbm")
               : 0;
}

static int parts_from_headers(const struct answer *a, struct parts *p, struct problem *why)
{
    size_t size;
    int ret = answer_header(a, "SGX-PCK-Certificate-Issuer-Chain", &p->issuers, &size);
    if (ret == 0)
        ret = answer_header(a, "SGX-TCBm", &p->tcbm, &size);
    if (ret == 0 && memchr(a->body, 0, a->body_size))
        ret = -EINVAL;
    if (ret == 0 && !(p->leaf = strndup((const char *)a->body, a->body_size)))
        ret = -ENOMEM;
    if (ret == -ENOENT)
        return problem_set(why, -EINVAL, "the header %s is missing",
                           p->issuers ? "SGX-TCBm" : "SGX-PCK-Certificate-Issuer-Chain");
    return ret ? problem_set(why, ret, ret == -ENOMEM ? "out of memory" : "the answer is malformed")
               : 0;
}

static int check_tcbm(const struct pck_facts *f, const char *tcbm)
{
    uint8_t want[TCBM_SIZE], said[TCBM_SIZE];
    memcpy(want, f->cpusvn, 16);
    store_le16(want + 16, f->pcesvn);
    return hex_decode(tcbm, strlen(tcbm), said, sizeof(said)) ||
                   memcmp(want, said, sizeof(said)) != 0
               ? -EINVAL
               : 0;
}

/* Nothing here is believed; it must only be whole. */
static int check_chain(const char *text, size_t size, const char *tcbm, struct problem *why)
{
    struct chain chain = { 0 };
    struct pck_facts facts;
    const char *reason = NULL;
    int ret = chain_parse(text, size, 3, &chain, &reason);
    if (ret == 0 && (reason = chain_problem(&chain, "SGX PCK Certificate", false)))
        ret = -EINVAL;
    if (ret == 0 && pck_facts_parse(chain.leaf, &facts)) {
        reason = "the SGX extension of the leaf is malformed";
        ret = -EINVAL;
    }
    if (ret == 0 && (ret = check_tcbm(&facts, tcbm)))
        reason = "it is of another TCB than the answer says";
    chain_fini(&chain);
    ERR_clear_error();
    return ret ? problem_set(why, ret, "the certificate: %s", reason) : 0;
}

static int join(const struct parts *p, char **out, size_t *size)
{
    size_t leaf = strlen(p->leaf);
    bool newline = leaf && p->leaf[leaf - 1] == '\n';
    int n = asprintf(out, "%s%s%s", p->leaf, newline ? "" : "\n", p->issuers);
    if (n < 0) {
        *out = NULL;
        return -ENOMEM;
    }
    *size = (size_t)n;
    return 0;
}

static bool is_json(const struct answer *a)
{
    size_t i = 0;
    while (i < a->body_size && a->body[i] && strchr(" \t\r\n", a->body[i]))
        i++;
    return i < a->body_size && a->body[i] == '{';
}

int pck_answer_take(const struct answer *a, char **chain, size_t *size, struct problem *why)
{
    struct parts p = { 0 };
    *chain = NULL;
    if (a->body_size == 0)
        return problem_set(why, -EINVAL, "the answer is empty");
    if (a->body_size > 2 * CHAIN_PEM_MAX)
        return problem_set(why, -EINVAL, "the answer is larger than any certificate");
    int ret = is_json(a) ? parts_from_json(a, &p, why) : parts_from_headers(a, &p, why);
    if (ret == 0 && (ret = join(&p, chain, size)))
        problem_set(why, ret, "out of memory");
    if (ret == 0)
        ret = check_chain(*chain, *size, p.tcbm, why);
    free(p.leaf);
    free(p.issuers);
    free(p.tcbm);
    if (ret) {
        free(*chain);
        *chain = NULL;
    }
    return ret;
}

int pck_fetch(const struct pck_request *r, const struct qcnl *q, char **chain, size_t *size,
              struct problem *why)
{
    char url[URL_MAX];
    struct http_answer h;
    struct problem inner = { "" };
    *chain = NULL;
    if (pck_url(r, q, url, sizeof(url)))
        return problem_set(why, -ENAMETOOLONG, "%s: the URL is too long", base_of(q));
    int ret = fetch_get(url, q, q->pck_headers, &h, &inner);
    if (ret == 0 && h.status != 200)
        ret = problem_set(&inner, h.status == 404 ? -ENOENT : -EIO, "the server answered %ld: %s",
                          h.status,
                          h.status == 404 ? "it has no certificate of this platform"
                                          : http_status_words(h.status));
    if (ret == 0) {
        struct answer a = { h.headers, h.headers_size, h.body, h.body_size };
        ret = pck_answer_take(&a, chain, size, &inner);
    }
    http_answer_fini(&h);
    return ret ? problem_set(why, ret, "PCK certificate: %.200s: %s", url, inner.text) : 0;
}

int pck_complete_quote(const uint8_t *quote, size_t size, const char *chain, size_t chain_size,
                       uint8_t **out, size_t *out_size)
{
    struct quote q;
    *out = NULL;
    if (quote_parse(quote, size, &q, NULL) || chain_size > CHAIN_PEM_MAX)
        return -EINVAL;
    size_t certificate = (size_t)(q.cert_data - quote),
           signature = (size_t)(q.isv_signature - quote);
    uint8_t *b = malloc(certificate + chain_size);
    if (!b)
        return -ENOMEM;
    memcpy(b, quote, certificate);
    memcpy(b + certificate, chain, chain_size);
    *out_size = certificate + chain_size;
    store_le16(b + certificate - 6, QUOTE_CERT_PCK_CHAIN);
    store_le32(b + certificate - 4, (uint32_t)chain_size);
    store_le32(b + signature - 4, (uint32_t)(*out_size - signature));
    if (q.version != 3) /* two signatures and a key, then the type of the wrapper and its size */
        store_le32(b + signature + 130, (uint32_t)(*out_size - signature - 134));
    *out = b;
    return 0;
}
