/*
 * GET by libcurl. The server is hostile: it may answer anything, never, or without end. TLS is
 * checked unless told otherwise, although collateral authenticates itself: it keeps who asks for
 * what private.
 */
#include "attest/collateral/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/answer.h"
#include "lib/base/bytes.h"

#define BODY_MAX COLLATERAL_ITEM_MAX

static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool append(void **buf, size_t *used, const void *data, size_t size, size_t max)
{
    if (size > max - *used)
        return false;
    char *bigger = realloc(*buf, *used + size + 1);
    if (!bigger)
        return false;
    memcpy(bigger + *used, data, size);
    *used += size;
    bigger[*used] = 0;
    *buf = bigger;
    return true;
}

static size_t take_body(char *data, size_t one, size_t count, void *arg)
{
    struct http_answer *a = arg;
    void *buf = a->body;
    bool ok = append(&buf, &a->body_size, data, one * count, BODY_MAX);
    a->body = buf;
    a->too_large |= !ok;
    return ok ? one * count : 0;
}

static size_t take_header(char *data, size_t one, size_t count, void *arg)
{
    struct http_answer *a = arg;
    void *buf = a->headers;
    bool ok = append(&buf, &a->headers_size, data, one * count, ANSWER_HEADERS_MAX);
    a->headers = buf;
    a->too_large |= !ok;
    return ok ? one * count : 0;
}

void http_answer_fini(struct http_answer *a)
{
    free(a->body);
    free(a->headers);
    *a = (struct http_answer){ 0 };
}

static bool add_headers(const struct http_options *o, struct curl_slist **list)
{
    for (size_t i = 0; i < HTTP_HEADERS_MAX && o->header[i]; i++) {
        struct curl_slist *longer = curl_slist_append(*list, o->header[i]);
        if (!longer)
            return false;
        *list = longer;
    }
    return true;
}

static CURLcode set_options(CURL *c, const char *url, const struct http_options *o,
                            struct curl_slist *headers, struct http_answer *a)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_TIMEOUT, (long)o->timeout },
        { CURLOPT_CONNECTTIMEOUT, o->timeout < 10 ? (long)o->timeout : 10 },
        { CURLOPT_SSL_VERIFYPEER, !o->insecure_tls },
        { CURLOPT_SSL_VERIFYHOST, o->insecure_tls ? 0 : 2 },
        { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
    };
    CURLcode ret = CURLE_OK;
    for (size_t i = 0; i < ARRAY_COUNT(numbers) && ret == CURLE_OK; i++)
        ret = curl_easy_setopt(c, numbers[i].option, numbers[i].value);
    const struct {
        CURLoption option;
        const void *value;
    } pointers[] = {
        { CURLOPT_URL, url },
        { CURLOPT_PROTOCOLS_STR, "http,https" },
        { CURLOPT_HTTPHEADER, headers },
        { CURLOPT_WRITEDATA, a },
        { CURLOPT_HEADERDATA, a },
        { CURLOPT_USERAGENT, "cloister" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(pointers) && ret == CURLE_OK; i++)
        ret = curl_easy_setopt(c, pointers[i].option, pointers[i].value);
    if (ret == CURLE_OK && o->ca_file)
        ret = curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
    if (ret == CURLE_OK)
        ret = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    if (ret == CURLE_OK)
        ret = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    return ret;
}

static int explain(CURLcode code, const struct http_answer *a, const struct http_options *o,
                   struct problem *why)
{
    if (a->too_large)
        return problem_set(why, -EFBIG, "the answer is too large");
    switch (code) {
    case CURLE_OUT_OF_MEMORY: return problem_set(why, -ENOMEM, "out of memory");
    case CURLE_OPERATION_TIMEDOUT:
        return problem_set(why, -ETIMEDOUT, "no answer within %u seconds", o->timeout);
    case CURLE_PEER_FAILED_VERIFICATION:
        return problem_set(
            why, -EPROTO,
            "the server's TLS certificate is not trusted: name its CA (--ca-cert), or "
            "use_secure_cert false in the qcnl file");
    case CURLE_SSL_CONNECT_ERROR:
        return problem_set(why, -EPROTO, "TLS failed: %s", curl_easy_strerror(code));
    case CURLE_SSL_CACERT_BADFILE:
        return problem_set(why, -EPROTO, "%s: no CA certificates", o->ca_file);
    case CURLE_COULDNT_RESOLVE_HOST:
        return problem_set(why, -EHOSTUNREACH, "the server's name does not resolve");
    case CURLE_COULDNT_CONNECT: return problem_set(why, -EHOSTUNREACH, "cannot connect");
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return problem_set(why, -EIO, "the answer was cut off");
    default: return problem_set(why, -EIO, "%s", curl_easy_strerror(code));
    }
}

int http_get(const char *url, const struct http_options *o, struct http_answer *out,
             struct problem *why)
{
    pthread_once(&g_once, start);
    *out = (struct http_answer){ 0 };
    CURL *c = curl_easy_init();
    struct curl_slist *headers = NULL;
    bool ok = c && add_headers(o, &headers);
    CURLcode code = ok ? set_options(c, url, o, headers, out) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = curl_easy_perform(c);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    if (code == CURLE_OK)
        return 0;
    int ret = explain(code, out, o, why);
    http_answer_fini(out);
    return ret;
}

const char *http_status_words(long status)
{
    static const struct {
        long status;
        const char *words;
    } rows[] = {
        { 400, "it did not understand the request" },
        { 401, "it wants a key" },
        { 403, "it forbids it" },
        { 404, "it has no such collateral (is the FMSPC right, and has the server been filled?)" },
        { 410, "it no longer serves that version" },
        { 429, "it is asked too often: wait and try again" },
        { 461, "it does not know the platform" },
        { 462, "it has no certificates for this TCB" },
        { 500, "it failed inside" },
        { 502, "it could not reach Intel" },
        { 503, "it is not available now" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].status == status)
            return rows[i].words;
    if (status >= 300 && status < 400)
        return "it redirects elsewhere, which is not followed";
    return "that is not an answer with collateral";
}
