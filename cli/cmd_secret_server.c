/*
 * cloister secret-server: release a secret to enclaves that prove who they are. Serving is
 * attest/secret/sp_server.c, judging attest/ratls/ratls_verify.c; here are start, log and end. The secret is never
 * logged and is wiped at the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attest/ratls/ratls_verify.h"
#include "attest/secret/sp_server.h"
#include "cli/commands.h"
#include "cli/secret_options.h"
#include "cli/term.h"
#include "lib/base/str.h"

static void judge(void *arg, const uint8_t *der, size_t size, struct ratls_outcome *out)
{
    const struct secret_options *o = arg;
    struct ratls_relying_party party = { .roots = &o->roots, .collateral = &o->collateral,
                                         .policy = &o->policy.policy, .cache = o->cache };
    (void)ratls_verify(der, size, &party, (int64_t)time(NULL), out);
}

/* Facts of a certificate whose quote at least parsed. */
static bool has_facts(const struct sp_event *e)
{
    return e->outcome && e->outcome->where != AT_INIT && e->outcome->where != AT_EXTRACT_QUOTE &&
           e->outcome->verdict.failed != VERIFY_QUOTE_FORMAT;
}

static const char *reason_of(const struct sp_event *e, const char **words)
{
    if (e->kind == SP_SERVED) {
        *words = "released";
        return "released";
    }
    if (e->kind == SP_REFUSED)
        return ratls_outcome_reason(e->outcome, words);
    *words = e->detail ? e->detail : "connection lost";
    return "broken";
}

static void log_json(const struct sp_event *e)
{
    const char *words, *reason = reason_of(e, &words);
    char hex[65];
    json_t *line = json_pack("{s:I, s:s, s:s, s:s, s:s}", "time", (json_int_t)time(NULL), "peer", e->peer,
                             "verdict", e->kind == SP_SERVED ? "released" : (e->kind == SP_REFUSED ? "refused" : "broken"),
                             "reason", reason, "detail", words);
    if (has_facts(e)) {
        const struct verdict *v = &e->outcome->verdict;
        hex_encode(v->body.mrenclave, 32, hex);
        json_object_set_new(line, "mrenclave", json_string(hex));
        hex_encode(v->body.mrsigner, 32, hex);
        json_object_set_new(line, "mrsigner", json_string(hex));
        json_object_set_new(line, "isv_prod_id", json_integer(v->body.isv_prod_id));
        json_object_set_new(line, "isv_svn", json_integer(v->body.isv_svn));
        json_object_set_new(line, "debug", json_boolean(v->body.debug));
        json_object_set_new(line, "quote_verified", json_boolean(v->verified));
        json_object_set_new(line, "tcb_status", json_string(tcb_status_name(v->status)));
        json_object_set_new(line, "step", json_string(verify_step_name(v->failed)));
    }
    char *text = json_dumps(line, JSON_COMPACT);
    if (text)
        puts(text);
    free(text);
    json_decref(line);
}

static void log_text(const struct sp_event *e)
{
    const char *words, *reason = reason_of(e, &words);
    char facts[256] = "", enclave[65], signer[65];
    if (has_facts(e)) {
        const struct verdict *v = &e->outcome->verdict;
        hex_encode(v->body.mrenclave, 32, enclave);
        hex_encode(v->body.mrsigner, 32, signer);
        snprintf(facts, sizeof(facts), " (MRENCLAVE %s, MRSIGNER %s, product %u, SVN %u%s, TCB %s)", enclave, signer,
                 v->body.isv_prod_id, v->body.isv_svn, v->body.debug ? ", debug" : "", tcb_status_name(v->status));
    }
    if (e->kind == SP_SERVED)
        printf("%s: released%s\n", e->peer, facts);
    else if (e->kind == SP_REFUSED)
        printf("%s: refused: %s: %s%s\n", e->peer, reason, words, facts);
    else
        printf("%s: no secret given: %s\n", e->peer, words);
}

static void log_event(void *arg, const struct sp_event *e)
{
    const struct secret_options *o = arg;
    flockfile(stdout);
    if (o->json)
        log_json(e);
    else
        log_text(e);
    fflush(stdout);
    funlockfile(stdout);
}

static void on_stop(int number)
{
    (void)number;
    sp_server_stop();
}

/* The port may have been 0. */
static void say_ready(const struct secret_options *o, int fd)
{
    struct sockaddr_storage a = { 0 };
    socklen_t size = sizeof(a);
    unsigned port = 0;
    char line[320];
    if (getsockname(fd, (struct sockaddr *)&a, &size) == 0)
        port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                             : ((struct sockaddr_in *)&a)->sin_port);
    int n = snprintf(line, sizeof(line), strchr(o->host, ':') ? "[%s]:%u\n" : "%s:%u\n", o->host, port);
    if (o->json)
        printf("{\"listening\":\"%.*s\"}\n", n - 1, line);
    else
        printf("listening on %s", line);
    fflush(stdout);
    if (o->ready_fd >= 0 && (write(o->ready_fd, line, (size_t)n) != n || close(o->ready_fd)))
        term_note("--ready-fd %d: %s", o->ready_fd, strerror(errno));
}

static int serve(struct secret_options *o)
{
    struct sigaction stop = { .sa_handler = on_stop };
    const char *why = NULL;
    int fd = sp_listen(o->host, o->port);
    if (fd < 0)
        return term_error("cannot listen: %s:%s: %s", o->host, o->port,
                          fd == -EINVAL ? "no such address" : strerror(-fd));
    struct sp_server s = { .listener = fd, .cert_path = o->cert, .key_path = o->key, .secret = o->secret,
                           .secret_size = o->secret_size, .verify = judge, .log = log_event, .arg = o,
                           .max_clients = o->max_clients };
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (o->soft)
        term_note("trusting this machine's software device: its quotes protect nothing");
    if (o->policy.policy.allow_debug)
        term_note("accepting debug enclaves: the host can read their memory");
    say_ready(o, fd);
    int ret = sp_server_run(&s, &why);
    close(fd);
    return ret ? term_error("%s: %s", why, o->cert) : EXIT_OK;
}

int cmd_secret_server(int argc, char **argv)
{
    struct secret_options o;
    int ret = secret_options_parse(argc, argv, &o);
    if (ret == -1)
        ret = serve(&o);
    secret_options_fini(&o);
    return ret;
}
