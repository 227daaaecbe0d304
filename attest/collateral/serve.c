/*
 * The collateral server: libevent's HTTP over its OpenSSL buffers, one thread. Requests are hostile; libevent parses
 * them, and only a path and three query parameters of bounded length are looked at. Start at answer_request().
 */
#include "attest/collateral/serve.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attest/collateral/examine.h"
#include "attest/dcap/crl.h"
#include "lib/base/str.h"

#define REQUEST_TIMEOUT 30
#define HEADERS_MAX     8192

struct server {
    const struct serve_options *options;
    struct collateral_facts facts;
    SSL_CTX *tls;
    struct event_base *base;
    struct evhttp *http;
    struct event *stop[2];
    struct evbuffer *root_crl, *pck_crl; /* DER */
};

static void answer_error(struct evhttp_request *req, int code, const char *words)
{
    evhttp_send_reply(req, code, words, NULL);
}

/* As encodeURIComponent does it. Returned: free(). */
static char *escape(const char *text, size_t size)
{
    return evhttp_uriencode(text, (ev_ssize_t)size, 0);
}

static void answer_bytes(struct evhttp_request *req, const char *type, const void *data, size_t size)
{
    struct evbuffer *body = evbuffer_new();
    if (!body || evbuffer_add(body, data, size)) {
        answer_error(req, 500, "out of memory");
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
        evhttp_send_reply(req, 200, "OK", body);
    }
    if (body)
        evbuffer_free(body);
}

static void add_chain(struct evhttp_request *req, const char *header, const char *pem, size_t size)
{
    char *text = pem ? escape(pem, size) : NULL;
    if (text)
        evhttp_add_header(evhttp_request_get_output_headers(req), header, text);
    free(text);
}

static void answer_document(struct server *s, struct evhttp_request *req, enum collateral_item item,
                            enum collateral_item chain, const char *header)
{
    const struct collateral *c = s->options->collateral;
    if (!c->item[chain].data)
        chain = COLLATERAL_TCB_CHAIN;
    add_chain(req, header, (const char *)c->item[chain].data, c->item[chain].size);
    answer_bytes(req, "application/json", c->item[item].data, c->item[item].size);
}

static void answer_crl(struct evhttp_request *req, struct evbuffer *der, bool hexadecimal)
{
    size_t size = evbuffer_get_length(der);
    const unsigned char *data = evbuffer_pullup(der, -1);
    if (!hexadecimal) {
        answer_bytes(req, "application/pkix-crl", data, size);
        return;
    }
    char *hex = malloc(2 * size + 1);
    if (hex) {
        hex_encode(data, size, hex);
        answer_bytes(req, "text/plain", hex, 2 * size);
    } else {
        answer_error(req, 500, "out of memory");
    }
    free(hex);
}

static void answer_tcb(struct server *s, struct evhttp_request *req, struct evkeyvalq *query, bool v3)
{
    const char *given = evhttp_find_header(query, "fmspc");
    uint8_t fmspc[6];
    if (!given || hex_decode(given, strlen(given), fmspc, sizeof(fmspc)))
        answer_error(req, 400, "fmspc must have 12 hexadecimal digits");
    else if (memcmp(fmspc, s->facts.fmspc, sizeof(fmspc)) != 0)
        answer_error(req, 404, "no such FMSPC");
    else
        answer_document(s, req, COLLATERAL_TCB_INFO, COLLATERAL_TCB_CHAIN,
                        v3 ? "SGX-TCB-Info-Issuer-Chain" : "TCB-Info-Issuer-Chain");
}

static void answer_pck_crl(struct server *s, struct evhttp_request *req, struct evkeyvalq *query)
{
    const char *ca = evhttp_find_header(query, "ca"), *encoding = evhttp_find_header(query, "encoding");
    const char *pem = s->options->pck_issuer_chain;
    if (!ca || (strcmp(ca, "processor") != 0 && strcmp(ca, "platform") != 0)) {
        answer_error(req, 400, "ca must be processor or platform");
    } else if (strcmp(ca, collateral_ca_name(&s->facts)) != 0) {
        answer_error(req, 404, "no list of that CA");
    } else {
        add_chain(req, "SGX-PCK-CRL-Issuer-Chain", pem, pem ? strlen(pem) : 0);
        answer_crl(req, s->pck_crl, !encoding || strcmp(encoding, "der") != 0);
    }
}

/* "/sgx/certification/v4/REST": REST, or NULL; *v3 and *tdx as the path says. */
static const char *resource_of(const char *path, bool *v3, bool *tdx)
{
    *tdx = strncmp(path, "/tdx/", 5) == 0;
    if (!*tdx && strncmp(path, "/sgx/", 5) != 0)
        return NULL;
    path += 5;
    if (strncmp(path, "certification/v", 15) != 0 || (path[15] != '3' && path[15] != '4') || path[16] != '/')
        return NULL;
    *v3 = path[15] == '3';
    return path + 17;
}

static void route(struct server *s, struct evhttp_request *req, const char *path, struct evkeyvalq *query)
{
    bool v3, tdx;
    const char *rest = resource_of(path, &v3, &tdx);
    bool document = rest && (strcmp(rest, "tcb") == 0 || strcmp(rest, "qe/identity") == 0);
    if (!rest || tdx != (s->facts.tdx && document))
        answer_error(req, 404, "no such resource");
    else if (strcmp(rest, "tcb") == 0)
        answer_tcb(s, req, query, v3);
    else if (document)
        answer_document(s, req, COLLATERAL_QE_IDENTITY, COLLATERAL_QE_CHAIN, "SGX-Enclave-Identity-Issuer-Chain");
    else if (strcmp(rest, "pckcrl") == 0)
        answer_pck_crl(s, req, query);
    else if (strcmp(rest, "rootcacrl") == 0)
        answer_crl(req, s->root_crl, true);
    else if (strcmp(rest, "crl") == 0 && evhttp_find_header(query, "uri"))
        answer_crl(req, s->root_crl, false); /* whichever root: there is one here */
    else
        answer_error(req, 404, "no such resource");
}

static void answer_request(struct evhttp_request *req, void *arg)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *text = uri ? evhttp_uri_get_query(uri) : NULL;
    struct evkeyvalq query = { 0 };
    if (!path || evhttp_parse_query_str(text ? text : "", &query)) {
        answer_error(req, 400, "malformed request");
        return;
    }
    route(arg, req, path, &query);
    evhttp_clear_headers(&query);
}

static struct bufferevent *new_connection(struct event_base *base, void *arg)
{
    struct server *s = arg;
    SSL *ssl = SSL_new(s->tls);
    return ssl ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE) : NULL;
}

static void stop(evutil_socket_t number, short what, void *base)
{
    (void)number;
    (void)what;
    event_base_loopbreak(base);
}

static int load_tls(struct server *s, struct problem *why)
{
    const struct serve_options *o = s->options;
    s->tls = SSL_CTX_new(TLS_server_method());
    if (!s->tls || SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION) != 1)
        return problem_set(why, -ENOMEM, "out of memory");
    if (SSL_CTX_use_certificate_chain_file(s->tls, o->cert) != 1)
        return problem_set(why, -EINVAL, "%s: no certificate in PEM form", o->cert);
    if (SSL_CTX_use_PrivateKey_file(s->tls, o->key, SSL_FILETYPE_PEM) != 1)
        return problem_set(why, -EINVAL, "%s: no private key for that certificate", o->key);
    return 0;
}

/* As DER, whatever form the set has it in. */
static struct evbuffer *crl_der(const struct collateral *c, enum collateral_item item)
{
    struct evbuffer *out = evbuffer_new();
    X509_CRL *crl = crl_parse(c->item[item].data, c->item[item].size);
    uint8_t *der = NULL;
    int size = crl ? i2d_X509_CRL(crl, &der) : -1;
    bool ok = out && size > 0 && evbuffer_add(out, der, (size_t)size) == 0;
    OPENSSL_free(der);
    X509_CRL_free(crl);
    if (ok)
        return out;
    if (out)
        evbuffer_free(out);
    return NULL;
}

static int start(struct server *s, struct problem *why)
{
    const struct collateral *c = s->options->collateral;
    int ret = collateral_examine(c, &s->facts, why);
    if (ret == 0)
        ret = load_tls(s, why);
    if (ret)
        return ret;
    s->root_crl = crl_der(c, COLLATERAL_ROOT_CRL);
    s->pck_crl = crl_der(c, COLLATERAL_PCK_CRL);
    s->base = event_base_new();
    s->http = s->base ? evhttp_new(s->base) : NULL;
    if (!s->root_crl || !s->pck_crl || !s->http)
        return problem_set(why, -ENOMEM, "out of memory");
    s->stop[0] = evsignal_new(s->base, SIGTERM, stop, s->base);
    s->stop[1] = evsignal_new(s->base, SIGINT, stop, s->base);
    for (int i = 0; i < 2; i++)
        if (!s->stop[i] || event_add(s->stop[i], NULL))
            return problem_set(why, -ENOMEM, "out of memory");
    evhttp_set_bevcb(s->http, new_connection, s);
    evhttp_set_gencb(s->http, answer_request, s);
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET);
    evhttp_set_timeout(s->http, REQUEST_TIMEOUT);
    evhttp_set_max_headers_size(s->http, HEADERS_MAX);
    evhttp_set_max_body_size(s->http, 0);
    return 0;
}

static int listen_and_serve(struct server *s, struct problem *why)
{
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(s->http, "127.0.0.1", s->options->port);
    struct sockaddr_in a = { 0 };
    socklen_t size = sizeof(a);
    if (!bound)
        return problem_set(why, -errno, "127.0.0.1:%u: %s", s->options->port, strerror(errno));
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&a, &size))
        return problem_set(why, -errno, "127.0.0.1:%u: %s", s->options->port, strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    s->options->ready(s->options->arg, ntohs(a.sin_port));
    return event_base_dispatch(s->base) < 0 ? problem_set(why, -EIO, "the event loop failed") : 0;
}

int collateral_serve(const struct serve_options *o, struct problem *why)
{
    struct server s = { .options = o };
    int ret = start(&s, why);
    if (ret == 0)
        ret = listen_and_serve(&s, why);
    for (int i = 0; i < 2; i++)
        if (s.stop[i])
            event_free(s.stop[i]);
    if (s.http)
        evhttp_free(s.http);
    if (s.base)
        event_base_free(s.base);
    if (s.root_crl)
        evbuffer_free(s.root_crl);
    if (s.pck_crl)
        evbuffer_free(s.pck_crl);
    SSL_CTX_free(s.tls);
    return ret;
}
