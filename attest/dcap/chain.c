/*
 * Certificate chains: parse, order, check signatures. The PEM comes from the quote or from a
 * collateral server and is hostile. OpenSSL decodes and verifies single signatures; its chain
 * builder, which would consult the clock, is not used. Start at chain_parse() and chain_problem().
 */
#include "attest/dcap/chain.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/ecdsa.h"
#include "attest/dcap/pem.h"

#define CHAIN_MAX 3

int time_from_asn1(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return -EINVAL;
    *out = (int64_t)timegm(&tm);
    return 0;
}

void window_add(struct window *w, int64_t start, int64_t end)
{
    if (start > w->latest_start)
        w->latest_start = start;
    if (w->earliest_end == 0 || end < w->earliest_end)
        w->earliest_end = end;
}

static bool self_issued(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

static bool issued(X509 *issuer, X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(x)) == 0;
}

static const int g_standard[] = { NID_authority_key_identifier, NID_crl_distribution_points,
                                  NID_subject_key_identifier, NID_key_usage,
                                  NID_basic_constraints };
#define STANDARD_COUNT (sizeof(g_standard) / sizeof(g_standard[0]))

/* Exactly one each of the five; nothing twice; nothing critical that we do not know. */
static const char *extensions_problem(X509 *x)
{
    int count = X509_get_ext_count(x);
    unsigned seen = 0;
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *ext = X509_get_ext(x, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(ext);
        bool known = false;
        for (unsigned k = 0; k < STANDARD_COUNT; k++)
            if (OBJ_obj2nid(object) == g_standard[k]) {
                seen |= 1u << k;
                known = true;
            }
        if (X509_get_ext_by_OBJ(x, object, i) >= 0)
            return "a certificate has an extension twice";
        if (!known && X509_EXTENSION_get_critical(ext))
            return "a certificate has an unknown critical extension";
    }
    return seen == (1u << STANDARD_COUNT) - 1 ? NULL : "a certificate lacks a standard extension";
}

static const char *read_certificates(const char *pem, size_t size, unsigned count,
                                     X509 *list[CHAIN_MAX])
{
    size_t pos = 0;
    for (unsigned n = 0;; n++) {
        X509 *x;
        if (pem_next_certificate(pem, size, &pos, &x))
            return "a certificate does not parse";
        if (!x || n == count) {
            X509_free(x);
            return x || n != count ? "wrong number of certificates" : NULL;
        }
        list[n] = x;
        const char *why = extensions_problem(x);
        if (why)
            return why;
    }
}

/* Order by names; list entries that are taken become NULL. */
static const char *sort(X509 *list[CHAIN_MAX], unsigned count, struct chain *c)
{
    for (unsigned i = 0; i < count; i++) {
        if (!self_issued(list[i]))
            continue;
        if (c->root)
            return "more than one self-issued certificate";
        c->root = list[i];
        list[i] = NULL;
    }
    if (!c->root)
        return "no root certificate";
    for (unsigned i = 0; i < count && count == 3; i++) {
        if (!list[i] || !issued(c->root, list[i]))
            continue;
        if (c->intermediate)
            return "more than one certificate below the root";
        c->intermediate = list[i];
        list[i] = NULL;
    }
    for (unsigned i = 0; i < count; i++)
        if (list[i] && !c->leaf) {
            c->leaf = list[i];
            list[i] = NULL;
        }
    return c->leaf && (count == 2 || c->intermediate) ? NULL : "the certificates form no chain";
}

int chain_parse(const void *pem, size_t size, unsigned count, struct chain *out, const char **why)
{
    X509 *list[CHAIN_MAX] = { 0 };
    *out = (struct chain){ 0 };
    *why = "empty or too large";
    if (!pem || size == 0 || size > CHAIN_PEM_MAX)
        return -EINVAL;
    *why = read_certificates(pem, size, count, list);
    if (!*why)
        *why = sort(list, count, out);
    for (unsigned i = 0; i < CHAIN_MAX; i++)
        X509_free(list[i]);
    return *why ? -EINVAL : 0;
}

const char *chain_cas_text(const void *pem, size_t size, size_t *cas_size)
{
    static const char begin[] = "-----BEGIN";
    const char *text = pem;
    *cas_size = 0;
    if (size < sizeof(begin) || size > CHAIN_PEM_MAX)
        return NULL;
    const char *second = memmem(text + 1, size - 1, begin, sizeof(begin) - 1);
    if (!second)
        return NULL;
    size_t left = size - (size_t)(second - text);
    while (left > 0 && (second[left - 1] == 0 || second[left - 1] == '\n'))
        left--;
    *cas_size = left;
    return second;
}

int chain_parse_below(const void *pem, size_t size, X509 *ca, X509 *root, struct chain *out)
{
    size_t cas_size, pos = 0;
    const char *cas = chain_cas_text(pem, size, &cas_size);
    *out = (struct chain){ 0 };
    if (!cas || pem_next_certificate(pem, (size_t)(cas - (const char *)pem), &pos, &out->leaf) ||
        !out->leaf)
        return -EINVAL;
    bool leaf_only = true;
    for (size_t i = pos; i < (size_t)(cas - (const char *)pem); i++)
        leaf_only &= strchr(" \t\r\n", ((const char *)pem)[i]) && ((const char *)pem)[i];
    /* With any other place in the chain it would have been sorted differently. */
    if (!leaf_only || extensions_problem(out->leaf) || self_issued(out->leaf) ||
        issued(root, out->leaf) || X509_up_ref(ca) != 1) {
        chain_fini(out);
        return -EINVAL;
    }
    out->intermediate = ca;
    if (X509_up_ref(root) == 1)
        out->root = root;
    if (out->root)
        return 0;
    chain_fini(out);
    return -EINVAL;
}

void chain_fini(struct chain *c)
{
    X509_free(c->leaf);
    X509_free(c->intermediate);
    X509_free(c->root);
    *c = (struct chain){ 0 };
}

static bool name_contains(X509 *x, const char *words)
{
    char cn[128];
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
    return n > 0 && (size_t)n == strlen(cn) && strstr(cn, words);
}

/* Only ECDSA with SHA-256 on P-256 occurs in this hierarchy: nothing weaker is let in. */
static bool signed_by(X509 *x, X509 *issuer)
{
    uint8_t point[P256_POINT_SIZE];
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return p256_key_point(key, point) == 0 && X509_get_signature_nid(x) == NID_ecdsa_with_SHA256 &&
           X509_verify(x, key) == 1;
}

static const char *cas_problem(const struct chain *c)
{
    if (!name_contains(c->root, "SGX Root CA"))
        return "the root's name is not SGX Root CA";
    if (!signed_by(c->root, c->root))
        return "the root is not signed by itself";
    if (!c->intermediate)
        return NULL;
    if (!name_contains(c->intermediate, "CA"))
        return "the intermediate's name is not that of a CA";
    if (!issued(c->root, c->intermediate) || !signed_by(c->intermediate, c->root))
        return "the intermediate certificate is not signed by the root";
    return NULL;
}

const char *chain_problem(const struct chain *c, const char *leaf_name, bool cas_known)
{
    X509 *issuer = c->intermediate ? c->intermediate : c->root;
    const char *why = cas_known ? NULL : cas_problem(c);
    if (why)
        return why;
    if (!name_contains(c->leaf, leaf_name))
        return "the leaf's name is not what it should be";
    if (!issued(issuer, c->leaf) || !signed_by(c->leaf, issuer))
        return "the leaf certificate is not signed by its issuer";
    return NULL;
}

static void add_dates(X509 *x, struct window *w)
{
    int64_t start = INT64_MAX, end = INT64_MIN; /* unreadable: never valid */
    if (!x)
        return;
    (void)time_from_asn1(X509_get0_notBefore(x), &start);
    (void)time_from_asn1(X509_get0_notAfter(x), &end);
    window_add(w, start, end);
}

void chain_dates(const struct chain *c, struct window *w)
{
    add_dates(c->leaf, w);
    add_dates(c->intermediate, w);
    add_dates(c->root, w);
}

int chain_root_point(const struct chain *c, uint8_t point[65])
{
    return p256_key_point(X509_get0_pubkey(c->root), point);
}
