/*
 * cloister secret-server: release secrets to enclaves that prove who they are. Serving is
 * attest/secret/sp_server.c, judging attest/ratls/ratls_verify.c by the policies of
 * cli/secret_set.c; here are start, reload and end. A secret is never logged and is wiped at the
 * end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "attest/secret/sp_server.h"
#include "cli/commands.h"
#include "cli/secret_log.h"
#include "cli/secret_options.h"
#include "cli/term.h"

struct running {
    int argc;
    char **argv;
    struct secret_log log;
    pthread_mutex_t mu;
    struct secret_set *set; /* mu: the pointer */
};

static void judge(void *arg, const char *name, const uint8_t *der, size_t size,
                  struct ratls_outcome *out, struct sp_grant *grant)
{
    struct running *r = arg;
    pthread_mutex_lock(&r->mu);
    struct secret_set *set = r->set;
    atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&r->mu);
    secret_set_judge(set, name, der, size, (int64_t)time(NULL), out, grant);
    secret_set_put(set);
}

static void release(void *arg, struct sp_grant *grant)
{
    (void)arg;
    secret_set_release(grant);
}

static int record(void *arg, const struct sp_event *e)
{
    return secret_log_grant(&((struct running *)arg)->log, e);
}

static void log_event(void *arg, const struct sp_event *e)
{
    secret_log_event(&((struct running *)arg)->log, e);
}

/* All or nothing: a typo in a policy must not leave half of the old and half of the new. */
static void reload(void *arg)
{
    struct running *r = arg;
    struct secret_options fresh;
    int ret = secret_log_open(&r->log);
    if (ret)
        term_note("reload: %s: %s: the old audit log stays in use", r->log.audit_path,
                  strerror(-ret));
    if (secret_options_parse(r->argc, r->argv, &fresh) == -1) {
        pthread_mutex_lock(&r->mu);
        struct secret_set *old = r->set;
        r->set = fresh.set;
        fresh.set = old;
        pthread_mutex_unlock(&r->mu);
        term_note("reloaded: %zu secret%s", r->set->count, r->set->count == 1 ? "" : "s");
    } else {
        term_note("reload: the old secrets and policies stay in use");
    }
    secret_options_fini(&fresh);
}

static void on_reload(int number)
{
    (void)number;
    sp_server_reload();
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
    int n = snprintf(line, sizeof(line), strchr(o->host, ':') ? "[%s]:%u\n" : "%s:%u\n", o->host,
                     port);
    if (o->json)
        printf("{\"listening\":\"%.*s\"}\n", n - 1, line);
    else
        printf("listening on %s", line);
    fflush(stdout);
    if (o->ready_fd >= 0 && (write(o->ready_fd, line, (size_t)n) != n || close(o->ready_fd)))
        term_note("--ready-fd %d: %s", o->ready_fd, strerror(errno));
}

/* As many descriptors as the machine lets: each client is one. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void say_dangers(const struct secret_options *o)
{
    if (o->soft)
        term_note("trusting this machine's software device: its quotes protect nothing");
    for (size_t i = 0; i < o->set->count; i++)
        if (o->set->entries[i].policy.policy.allow_debug)
            term_note("secret %s: accepting debug enclaves: the host can read their memory",
                      o->set->entries[i].name);
}

static int serve(struct running *r, struct secret_options *o)
{
    struct sigaction stop = { .sa_handler = on_stop },
                     again = { .sa_handler = on_reload, .sa_flags = SA_RESTART };
    const char *why = NULL;
    int fd = sp_listen(o->host, o->port);
    if (fd < 0)
        return term_error("cannot listen: %s:%s: %s", o->host, o->port,
                          fd == -EINVAL ? "no such address" : strerror(-fd));
    struct sp_server s = { .listener = fd,
                           .cert_path = o->cert,
                           .key_path = o->key,
                           .verify = judge,
                           .release = release,
                           .record = record,
                           .log = log_event,
                           .reload = reload,
                           .by_name = o->secrets_path != NULL,
                           .arg = r,
                           .max_clients = o->max_clients };
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &again, NULL);
    raise_file_limit();
    (void)mallopt(M_ARENA_MAX, 1); /* one arena: thousands of clients come and go, and many arenas
                                      would each keep their holes */
    say_dangers(o);
    say_ready(o, fd);
    int ret = sp_server_run(&s, &why);
    close(fd);
    return ret ? term_error("%s: %s", why, o->cert) : EXIT_OK;
}

int cmd_secret_server(int argc, char **argv)
{
    struct secret_options o;
    struct running r = {
        .argc = argc, .argv = argv, .mu = PTHREAD_MUTEX_INITIALIZER, .log = { .audit_fd = -1 }
    };
    int ret = secret_options_parse(argc, argv, &o);
    if (ret == -1) {
        r.log = (struct secret_log){ .json = o.json, .audit_path = o.audit_path, .audit_fd = -1 };
        int opened = secret_log_open(&r.log);
        ret = opened ? term_error("audit log: %s: %s", o.audit_path, strerror(-opened)) : -1;
    }
    if (ret == -1) {
        r.set = o.set;
        atomic_fetch_add(&r.set->refs, 1);
        ret = serve(&r, &o);
        secret_set_put(r.set);
    }
    secret_log_close(&r.log);
    secret_options_fini(&o);
    return ret;
}
