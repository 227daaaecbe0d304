/* Secret provisioning over loopback TLS: who gets the secret, who does not and why, and hostile clients. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/ratls/ratls_create.h"
#include "attest/secret/server_cert.h"
#include "attest/secret/sp_client.h"
#include "attest/secret/sp_server.h"
#include "attest/secret/sp_wire.h"
#include "lib/base/bytes.h"
#include "tests/unit/attest/attestation_dir.h"
#include "tests/unit/attest/fixture.h"

static const uint8_t g_secret[] = "sixteen  bytes!\n and more";

struct house {
    struct fixture fixture;
    struct policy policy;
    struct trust_roots roots;
    char certs[128], address[32];
    struct sp_server server;
    pthread_t thread;
    pthread_mutex_t mu;
    char reason[64]; /* of the last event */
    char cert_path[160], key_path[160], ca_path[160];
};

static struct house g_house;

static void judge(void *arg, const char *name, const uint8_t *der, size_t size, struct ratls_outcome *out, struct sp_grant *grant)
{
    struct house *h = arg;
    struct ratls_relying_party party = { .roots = &h->roots, .collateral = &h->fixture.collateral, .policy = &h->policy };
    if (name && strcmp(name, "other") != 0)
        return;
    if (ratls_verify(der, size, &party, time(NULL), out) == RATLS_OK)
        *grant = name ? (struct sp_grant){ "other", (const uint8_t *)"other", 6, NULL }
                      : (struct sp_grant){ "first", g_secret, sizeof(g_secret), NULL };
}

static void note(void *arg, const struct sp_event *e)
{
    struct house *h = arg;
    const char *words;
    pthread_mutex_lock(&h->mu);
    snprintf(h->reason, sizeof(h->reason), "%s",
             e->kind == SP_SERVED ? "served" : e->kind == SP_BROKEN ? "broken" : ratls_outcome_reason(e->outcome, &words));
    pthread_mutex_unlock(&h->mu);
}

static void *server_thread(void *arg)
{
    struct house *h = arg;
    const char *why;
    return (void *)(intptr_t)sp_server_run(&h->server, &why);
}

static int open_house(void **state)
{
    struct house *h = &g_house;
    struct sockaddr_in a;
    socklen_t size = sizeof(a);
    fixture_make(&h->fixture);
    h->roots = h->fixture.roots;
    pthread_mutex_init(&h->mu, NULL);
    snprintf(h->certs, sizeof(h->certs), "%.60s/certs", h->fixture.folder);
    assert_int_equal(server_cert_make(h->certs), 0);
    snprintf(h->cert_path, sizeof(h->cert_path), "%.100s/server.crt", h->certs);
    snprintf(h->key_path, sizeof(h->key_path), "%.100s/server.key", h->certs);
    snprintf(h->ca_path, sizeof(h->ca_path), "%.100s/ca.crt", h->certs);
    h->server = (struct sp_server){ .listener = sp_listen("127.0.0.1", "0"), .cert_path = h->cert_path, .key_path = h->key_path,
                                    .verify = judge, .log = note, .by_name = true, .arg = h };
    assert_true(h->server.listener >= 0);
    assert_int_equal(getsockname(h->server.listener, (struct sockaddr *)&a, &size), 0);
    snprintf(h->address, sizeof(h->address), "localhost:%u", ntohs(a.sin_port));
    return pthread_create(&h->thread, NULL, server_thread, h);
}

static int close_house(void **state)
{
    sp_server_stop();
    pthread_join(g_house.thread, NULL);
    close(g_house.server.listener);
    fixture_remove(&g_house.fixture);
    return 0;
}

static int ask(const struct fake_enclave *e, const char *servers, const char *ca, struct ra_tls_ctx **out)
{
    struct attestation_dir dir;
    char why[256];
    attestation_dir_start(&dir, &g_house.fixture, e);
    struct sp_client_options o = { servers, ca, dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER };
    int ret = sp_client_start(&o, out, why, sizeof(why));
    attestation_dir_stop(&dir);
    return ret;
}

static void expect_reason(const char *reason)
{
    char last[64] = "";
    for (int i = 0; i < 100 && strcmp(last, reason) != 0; i++) {
        usleep(20000); /* the server logs after the client has left */
        pthread_mutex_lock(&g_house.mu);
        strcpy(last, g_house.reason);
        pthread_mutex_unlock(&g_house.mu);
    }
    assert_string_equal(last, reason);
}

static void expect_refused(const struct fake_enclave *e, const char *reason)
{
    struct ra_tls_ctx *c = NULL;
    assert_true(ask(e, g_house.address, g_house.ca_path, &c) < 0);
    assert_null(c);
    expect_reason(reason);
}

static void set_policy(void)
{
    g_house.policy = (struct policy){ .mrenclave_count = 1, .mrsigner_count = 1 };
    memcpy(g_house.policy.mrenclave[0], fake_good.mrenclave, 32);
    memcpy(g_house.policy.mrsigner[0], fake_good.mrsigner, 32);
}

static int parse_name(const char *request, size_t size)
{
    const char *name;
    int ret = sp_name_request_parse((const uint8_t *)request, size, &name);
    if (ret == 1)
        assert_string_equal(name, request + sizeof(SP_NAME_REQUEST) - 1);
    return ret;
}

static void names_are_taken_only_when_whole_and_plain(void **state)
{
    char request[SP_NAME_REQUEST_MAX + 1] = SP_NAME_REQUEST "db-password.1";
    size_t head = sizeof(SP_NAME_REQUEST) - 1, size = strlen(request) + 1;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(parse_name(request, i), 0);
    assert_int_equal(parse_name(request, size), 1);
    assert_int_equal(parse_name(request, size + 1), -EINVAL); /* bytes behind the name */
    assert_int_equal(parse_name("S", 1), 0);
    assert_int_equal(parse_name("X", 1), -EINVAL);
    request[head] = '/';
    assert_int_equal(parse_name(request, size), -EINVAL);
    request[head] = 0; /* an empty name */
    assert_int_equal(parse_name(request, head + 1), -EINVAL);
    memset(request + head, 'a', SP_NAME_MAX + 1);
    assert_int_equal(parse_name(request, SP_NAME_REQUEST_MAX - 1), 0);
    assert_int_equal(parse_name(request, SP_NAME_REQUEST_MAX), -EINVAL); /* too long */
}

static void the_right_enclave_gets_the_secret(void **state)
{
    struct ra_tls_ctx *c = NULL;
    char servers[128];
    set_policy();
    snprintf(servers, sizeof(servers), "noport,127.0.0.1:1;%s", g_house.address); /* the first two do not answer */
    assert_int_equal(ask(&fake_good, servers, g_house.ca_path, &c), 0);
    assert_int_equal(c->secret_size, sizeof(g_secret));
    assert_memory_equal(c->secret, g_secret, sizeof(g_secret));
    sp_session_free(c, 1);
    expect_reason("served");
}

/* Returns the size that came, -errno. */
static int64_t ask_by_name(struct ra_tls_ctx *c, const char *name, uint8_t *out)
{
    char request[128];
    uint8_t size[4];
    int n = snprintf(request, sizeof(request), "%s%s", SP_NAME_REQUEST, name);
    int ret = sp_session_write(c, (const uint8_t *)request, (size_t)n + 1);
    if (ret == 0)
        ret = sp_session_read(c, size, 4);
    if (ret == 0 && load_be32(size) > 0)
        ret = sp_session_read(c, out, load_be32(size));
    return ret ? ret : (int64_t)load_be32(size);
}

static void more_secrets_come_by_name_each_by_its_policy(void **state)
{
    struct ra_tls_ctx *c = NULL;
    uint8_t got[64];
    set_policy();
    assert_int_equal(ask(&fake_good, g_house.address, g_house.ca_path, &c), 0);
    assert_int_equal(ask_by_name(c, "unknown", got), 0);
    assert_int_equal(ask_by_name(c, "other", got), 6);
    assert_memory_equal(got, "other", 6);
    g_house.policy.mrenclave[0][0] ^= 1; /* as a reload would: who was accepted may not be any more */
    assert_int_equal(ask_by_name(c, "other", got), 0);
    set_policy();
    assert_true(ask_by_name(c, "../other", got) < 0); /* ends the session */
    sp_session_free(c, 1);
}

static void others_are_refused_each_for_its_reason(void **state)
{
    struct fake_enclave e = fake_good;
    set_policy();
    e.mrenclave[0] ^= 1;
    expect_refused(&e, "wrong-mrenclave");
    e.mrsigner[0] ^= 1;
    expect_refused(&e, "wrong-mrsigner");
    e = fake_good;
    e.flags |= SGX_FLAG_DEBUG;
    expect_refused(&e, "debug-enclave");
    trust_roots_intel(&g_house.roots);
    expect_refused(&fake_good, "untrusted-root");
    g_house.roots = g_house.fixture.roots;
}

static void a_client_without_certificate_gets_nothing(void **state)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(tls);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char byte;
    a.sin_port = htons((uint16_t)atoi(strchr(g_house.address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) == 1) /* in TLS 1.3 the refusal comes after our handshake */
        assert_true(SSL_read(ssl, &byte, 1) <= 0);
    SSL_free(ssl);
    SSL_CTX_free(tls);
    close(fd);
    expect_reason("broken");
}

static void a_server_under_another_ca_is_not_believed(void **state)
{
    char folder[160], ca[192];
    struct ra_tls_ctx *c = NULL;
    snprintf(folder, sizeof(folder), "%.60s/other", g_house.fixture.folder);
    assert_int_equal(server_cert_make(folder), 0);
    snprintf(ca, sizeof(ca), "%s/ca.crt", folder);
    assert_int_equal(ask(&fake_good, g_house.address, ca, &c), -EPERM);
}

static void no_server_gives_the_documented_number(void **state)
{
    struct ra_tls_ctx *c = NULL;
    assert_int_equal(ask(&fake_good, "127.0.0.1:1", g_house.ca_path, &c), SP_CONNECT_FAILED);
    assert_int_equal(ask(&fake_good, "", g_house.ca_path, &c), SP_CONNECT_FAILED);
}

static void stalled_clients_do_not_hold_up_others(void **state)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct ra_tls_ctx *c = NULL;
    int fd[40];
    set_policy();
    a.sin_port = htons((uint16_t)atoi(strchr(g_house.address, ':') + 1));
    for (size_t i = 0; i < ARRAY_COUNT(fd); i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd[i], (struct sockaddr *)&a, sizeof(a)), 0);
        if (i % 2)
            assert_int_equal(send(fd[i], "\x16\x03\x01", 3, 0), 3);
    }
    time_t start = time(NULL);
    assert_int_equal(ask(&fake_good, g_house.address, g_house.ca_path, &c), 0);
    assert_true(time(NULL) - start < 5);
    sp_session_free(c, 1);
    for (size_t i = 0; i < ARRAY_COUNT(fd); i++)
        close(fd[i]);
}

/* Half of them are the right enclave, half are not. Returns how often the answer was wrong. */
static void *crowd_member(void *arg)
{
    struct fake_enclave e = fake_good;
    bool right = (intptr_t)arg % 2 == 0;
    intptr_t wrong = 0;
    e.mrenclave[0] ^= right ? 0 : 1;
    for (int i = 0; i < 4; i++) {
        struct ra_tls_ctx *c = NULL;
        int ret = ask(&e, g_house.address, g_house.ca_path, &c);
        wrong += (ret == 0) != right || (right && memcmp(c->secret, g_secret, sizeof(g_secret)) != 0);
        sp_session_free(c, 1);
    }
    return (void *)wrong;
}

static void a_crowd_is_answered_each_as_it_deserves(void **state)
{
    pthread_t thread[16];
    set_policy();
    for (size_t i = 0; i < ARRAY_COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, crowd_member, (void *)i), 0);
    for (size_t i = 0; i < ARRAY_COUNT(thread); i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
}

static void messages_have_the_published_bytes(void **state)
{
    uint8_t header[SP_HEADER_SIZE];
    uint32_t size;
    assert_int_equal(SP_REQUEST_SIZE, 35);
    assert_int_equal(SP_HEADER_SIZE, 41);
    sp_header_make(16, header);
    assert_memory_equal(header + 36, "\0\0\0\0\x10", 5);
    assert_int_equal(sp_header_parse(header, &size), 0);
    assert_int_equal(size, 16);
    sp_header_make(0, header);
    assert_int_equal(sp_header_parse(header, &size), -EINVAL);
    sp_header_make(UINT32_MAX, header);
    assert_int_equal(sp_header_parse(header, &size), -EINVAL);
    header[3] ^= 1;
    assert_int_equal(sp_header_parse(header, &size), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_the_published_bytes),
        cmocka_unit_test(names_are_taken_only_when_whole_and_plain),
        cmocka_unit_test(the_right_enclave_gets_the_secret),
        cmocka_unit_test(more_secrets_come_by_name_each_by_its_policy),
        cmocka_unit_test(others_are_refused_each_for_its_reason),
        cmocka_unit_test(a_client_without_certificate_gets_nothing),
        cmocka_unit_test(a_server_under_another_ca_is_not_believed),
        cmocka_unit_test(no_server_gives_the_documented_number),
        cmocka_unit_test(a_crowd_is_answered_each_as_it_deserves),
        cmocka_unit_test(stalled_clients_do_not_hold_up_others),
    };
    return cmocka_run_group_tests(tests, open_house, close_house);
}
