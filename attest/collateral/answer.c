/* Take apart the answer of a collateral server. Everything in it is hostile: see answer.h. */
#include "attest/collateral/answer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/crl.h"
#include "attest/dcap/identity.h"
#include "attest/dcap/tcb.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

static const struct {
    const char *words;
    enum collateral_item item, chain;
    const char *headers[2]; /* the chain's, in API version 4 and 3 */
} g_kinds[] = {
    [ANSWER_TCB_INFO] = { "TCB info", COLLATERAL_TCB_INFO, COLLATERAL_TCB_CHAIN,
                          { "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain" } },
    [ANSWER_QE_IDENTITY] = { "QE identity", COLLATERAL_QE_IDENTITY, COLLATERAL_QE_CHAIN,
                             { "SGX-Enclave-Identity-Issuer-Chain", "SGX-QE-Identity-Issuer-Chain" } },
    [ANSWER_PCK_CRL] = { "PCK revocation list", COLLATERAL_PCK_CRL, COLLATERAL_ITEMS, { NULL, NULL } },
    [ANSWER_ROOT_CRL] = { "root CA revocation list", COLLATERAL_ROOT_CRL, COLLATERAL_ITEMS, { NULL, NULL } },
};

const char *answer_kind_words(enum answer_kind kind)
{
    return g_kinds[kind].words;
}

/* The raw value of a header line "Name: value". */
static const char *find_header(const struct answer *a, const char *name, size_t *size)
{
    const char *line = a->headers, *end = a->headers + a->headers_size;
    size_t name_size = strlen(name);
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *next = stop ? stop + 1 : end;
        if (!stop)
            stop = end;
        if ((size_t)(stop - line) > name_size && line[name_size] == ':' && strncasecmp(line, name, name_size) == 0) {
            line += name_size + 1;
            while (line < stop && (*line == ' ' || *line == '\t'))
                line++;
            while (stop > line && (stop[-1] == '\r' || stop[-1] == ' '))
                stop--;
            *size = (size_t)(stop - line);
            return line;
        }
        line = next;
    }
    return NULL;
}

/*
 * Percent-decoding. A '+' is a blank only for servers that write "BEGIN+CERTIFICATE": others leave the '+' of
 * base64 as it is.
 */
static int unescape(const char *in, size_t size, char *out, size_t *out_size)
{
    bool plus_is_blank = memmem(in, size, "BEGIN+CERTIFICATE", 17) != NULL;
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte;
        if (in[i] == 0)
            return -EINVAL;
        if (in[i] == '%') {
            if (size - i < 3 || hex_decode(in + i + 1, 2, &byte, 1) || byte == 0)
                return -EINVAL;
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = in[i] == '+' && plus_is_blank ? ' ' : in[i];
        }
    }
    out[n] = 0;
    *out_size = n;
    return 0;
}

int answer_header(const struct answer *a, const char *name, char **out, size_t *size)
{
    size_t raw_size = 0;
    const char *raw = a->headers_size <= ANSWER_HEADERS_MAX ? find_header(a, name, &raw_size) : NULL;
    *out = NULL;
    if (!raw)
        return -ENOENT;
    char *text = malloc(raw_size + 1);
    if (!text)
        return -ENOMEM;
    if (unescape(raw, raw_size, text, size)) {
        free(text);
        return -EINVAL;
    }
    *out = text;
    return 0;
}

/* What the body is, when it is not what was asked for. */
static const char *guess(const struct answer *a)
{
    size_t i = 0;
    while (i < a->body_size && strchr(" \t\r\n", a->body[i]) && a->body[i])
        i++;
    if (i == a->body_size)
        return "is empty";
    if (a->body[i] == '<')
        return "is HTML: this is not a collateral server, or a proxy stands before it";
    return a->body[i] == '{' ? "is JSON, but not such a document (cut off, or of an unknown version)"
                             : "is malformed or cut off";
}

static int body_problem(enum answer_kind kind, const struct answer *a)
{
    const char *text = (const char *)a->body;
    int ret = 0;
    if (kind == ANSWER_TCB_INFO) {
        struct tcb_info t;
        ret = tcb_info_parse(text, a->body_size, &t);
        tcb_info_fini(&t);
    } else if (kind == ANSWER_QE_IDENTITY) {
        struct enclave_identity id;
        ret = identity_parse(text, a->body_size, &id);
        identity_fini(&id);
    } else {
        X509_CRL *crl = crl_parse(a->body, a->body_size);
        ret = crl ? 0 : -EINVAL;
        X509_CRL_free(crl);
    }
    return ret;
}

static int put(struct collateral *c, enum collateral_item item, const void *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, size);
    copy[size] = 0;
    c->item[item].data = copy;
    c->item[item].size = size;
    return 0;
}

static int take_chain(enum answer_kind kind, const struct answer *a, struct collateral *out, struct problem *why)
{
    char *pem = NULL;
    size_t size = 0;
    struct chain chain = { 0 };
    const char *reason = "malformed";
    int ret = answer_header(a, g_kinds[kind].headers[0], &pem, &size);
    if (ret == -ENOENT)
        ret = answer_header(a, g_kinds[kind].headers[1], &pem, &size);
    if (ret == -ENOENT)
        return problem_set(why, -EINVAL, "the header %s is missing", g_kinds[kind].headers[0]);
    if (ret == 0)
        ret = chain_parse(pem, size, 2, &chain, &reason);
    chain_fini(&chain);
    if (ret)
        problem_set(why, ret, "the header %s: %s", g_kinds[kind].headers[0],
                    ret == -ENOMEM ? "out of memory" : reason);
    else if ((ret = put(out, g_kinds[kind].chain, pem, size)))
        problem_set(why, ret, "out of memory");
    free(pem);
    return ret;
}

int answer_take(enum answer_kind kind, const struct answer *a, struct collateral *out, struct problem *why)
{
    if (a->body_size > COLLATERAL_ITEM_MAX)
        return problem_set(why, -EINVAL, "the answer is larger than any %s", g_kinds[kind].words);
    int ret = body_problem(kind, a);
    if (ret)
        return problem_set(why, ret, "the answer is no %s: it %s", g_kinds[kind].words,
                           ret == -ENOMEM ? "needs more memory than there is" : guess(a));
    if (g_kinds[kind].headers[0] && (ret = take_chain(kind, a, out, why)))
        return ret;
    ret = put(out, g_kinds[kind].item, a->body, a->body_size);
    return ret ? problem_set(why, ret, "out of memory") : 0;
}
