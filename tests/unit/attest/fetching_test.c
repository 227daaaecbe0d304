/*
 * The verifying libraries fetch collateral themselves, from a PCCS over HTTPS (ours:
 * attest/collateral/serve.c). Each case is a process of its own, for what is kept in memory.
 * argv[1]: the libraries' folder.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/collateral/serve.h"
#include "attest/file.h"
#include "attest/include/cloister/ratls.h"
#include "attest/include/gramine/ra_tls.h"
#include "attest/ratls/ratls_create.h"
#include "attest/secret/server_cert.h"
#include "attest/soft/pki.h"
#include "lib/base/bytes.h"
#include "tests/unit/attest/attestation_dir.h"
#include "tests/unit/attest/fixture.h"

static const char *g_folder;
static struct fixture g_fixture;
static uint8_t *g_der;
static int g_der_size;
static uint16_t g_port;

static const char *in_fixture(const char *name)
{
    static char path[2][SOFT_PATH_MAX + 128];
    static unsigned turn;
    char *out = path[turn++ % 2];
    snprintf(out, sizeof(path[0]), "%s/%s", g_fixture.folder, name);
    return out;
}

static int set_up(void **state)
{
    struct attestation_dir dir;
    EVP_PKEY *key;
    X509 *crt;
    fixture_make(&g_fixture);
    attestation_dir_start(&dir, &g_fixture, &fake_good);
    assert_int_equal(ratls_create(dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt),
                     RATLS_OK);
    attestation_dir_stop(&dir);
    g_der_size = i2d_X509(crt, &g_der);
    X509_free(crt);
    EVP_PKEY_free(key);
    mkdir(in_fixture("certs"), 0700);
    return server_cert_make(in_fixture("certs"));
}

static int tear_down(void **state)
{
    OPENSSL_free(g_der);
    fixture_remove(&g_fixture);
    return 0;
}

static void tell_port(void *arg, uint16_t port)
{
    int *pipe_end = arg;
    if (write(*pipe_end, &port, sizeof(port)) != sizeof(port))
        _exit(1);
}

static pid_t start_server(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char cert[SOFT_PATH_MAX + 128];
        struct problem why;
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        snprintf(cert, sizeof(cert), "%s", in_fixture("certs/server.crt"));
        struct serve_options o = { .cert = cert,
                                   .key = in_fixture("certs/server.key"),
                                   .collateral = &g_fixture.collateral,
                                   .ready = tell_port,
                                   .arg = &ends[1] };
        _exit(collateral_serve(&o, &why) ? 1 : 0);
    }
    assert_int_equal(read(ends[0], &g_port, sizeof(g_port)), sizeof(g_port));
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void stop_server(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* As the machine's administrator writes it. */
static void write_settings(uint16_t port, const char *more)
{
    char text[512];
    int n = snprintf(text, sizeof(text),
                     "{\"pccs_url\": \"https://localhost:%u/sgx/certification/v4/\"%s}", port,
                     more);
    assert_int_equal(file_write(in_fixture("qcnl.conf"), text, (size_t)n, 0600), 0);
}

#define TRUSTING ", \"use_secure_cert\": false, \"verify_collateral_cache_expire_hours\": 24"

static void set_environment(const char *cache)
{
    setenv("CLOISTER_TRUST_ROOT", in_fixture(SOFT_ROOT_FILE), 1);
    setenv("QCNL_CONF_PATH", in_fixture("qcnl.conf"), 1);
    setenv("XDG_CACHE_HOME", in_fixture(cache), 1);
    setenv("RA_TLS_MRENCLAVE", "any", 1);
    setenv("RA_TLS_MRSIGNER", "any", 1);
    setenv("RA_TLS_ISV_PROD_ID", "7", 1);
    setenv("RA_TLS_ISV_SVN", "3", 1);
    unsetenv("CLOISTER_COLLATERAL");
    unsetenv("CLOISTER_COLLATERAL_OFFLINE");
    setenv("CLOISTER_COLLATERAL_SECONDS", "5", 1);
}

static void *function(const char *library, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", g_folder, library);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *f = handle ? dlsym(handle, name) : NULL;
    if (!f) {
        fprintf(stderr, "%s\n", dlerror());
        _exit(9);
    }
    return f;
}

static int verify_as_gramine(void)
{
    int (*verify)(uint8_t *, size_t, struct ra_tls_verify_callback_results *);
    struct ra_tls_verify_callback_results r;
    *(void **)&verify = function("libra_tls_verify_dcap.so", "ra_tls_verify_callback_extended_der");
    int ret = verify(g_der, (size_t)g_der_size, &r);
    if (ret && r.err_loc != AT_VERIFY_EXTERNAL)
        _exit(8);
    return ret;
}

/* In a process of its own: 0 accepted, 1 no collateral, 2 refused. */
static int by_gramines_library(unsigned times)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int ret = 0;
        while (times-- && ret == 0)
            ret = verify_as_gramine();
        _exit(ret == 0 ? 0 : ret == RATLS_FATAL ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The report's reason, and by the result what the function returned. */
static int by_our_library(const char *qcnl, const char *offline, const char *reason)
{
    struct cloister_verifier *(*new)(void);
    int (*any)(struct cloister_verifier *), (*root)(struct cloister_verifier *, const char *);
    int (*fetch)(struct cloister_verifier *, const char *, const char *, unsigned);
    int (*verify)(const struct cloister_verifier *, const uint8_t *, size_t, int64_t,
                  struct cloister_report *);
    void (*end)(struct cloister_verifier *);
    struct cloister_report r;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        *(void **)&new = function("libcloister.so.0", "cloister_verifier_new");
        *(void **)&any = function("libcloister.so.0", "cloister_verifier_accept_any_enclave");
        *(void **)&root = function("libcloister.so.0", "cloister_verifier_set_trust_root");
        *(void **)&fetch = function("libcloister.so.0", "cloister_verifier_fetch_collateral");
        *(void **)&verify = function("libcloister.so.0", "cloister_verify_certificate");
        *(void **)&end = function("libcloister.so.0", "cloister_verifier_free");
        struct cloister_verifier *v = new ();
        if (any(v) || root(v, in_fixture(SOFT_ROOT_FILE)) ||
            fetch(v, NULL, "sometimes", 5) != -EINVAL || fetch(v, qcnl, offline, 5))
            _exit(9);
        int ret = verify(v, g_der, (size_t)g_der_size, (int64_t)time(NULL), &r);
        end(v);
        _exit(strcmp(r.reason, reason) != 0 ? 7 : ret == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void it_is_fetched_over_https_and_kept_on_disk_and_in_memory(void **state)
{
    pid_t server = start_server();
    set_environment("cache-a");
    write_settings(g_port, TRUSTING);
    assert_int_equal(by_gramines_library(3), 0);
    assert_int_equal(by_our_library(in_fixture("qcnl.conf"), NULL, "accepted"), 0);
    stop_server(server);
    assert_int_equal(by_gramines_library(3), 0); /* from disk: the server is gone */
    setenv("CLOISTER_COLLATERAL_OFFLINE", "never", 1);
    assert_int_equal(by_gramines_library(1), 0);
    setenv("XDG_CACHE_HOME", in_fixture("cache-b"), 1);
    assert_int_equal(by_gramines_library(1), 1);
    assert_int_equal(by_our_library(in_fixture("qcnl.conf"), "never", "no-collateral"), 1);
}

static void without_a_cache_each_process_asks(void **state)
{
    pid_t server = start_server();
    set_environment("cache-c");
    write_settings(g_port, ", \"use_secure_cert\": false");
    assert_int_equal(by_gramines_library(1), 0);
    stop_server(server);
    assert_int_equal(by_gramines_library(1), 1);
}

static void a_server_whose_certificate_is_not_trusted_gives_nothing(void **state)
{
    pid_t server = start_server();
    set_environment("cache-d");
    write_settings(g_port, "");
    assert_int_equal(by_gramines_library(1), 1);
    stop_server(server);
}

/* A listener that nobody answers on. */
static int deaf(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    g_port = ntohs(a.sin_port);
    return fd;
}

static void a_server_that_never_answers_costs_a_bounded_time_once(void **state)
{
    int fd = deaf();
    set_environment("cache-e");
    setenv("CLOISTER_COLLATERAL_SECONDS", "2", 1);
    write_settings(g_port, TRUSTING ", \"retry_times\": 6, \"retry_delay\": 10");
    time_t start = time(NULL);
    assert_int_equal(by_gramines_library(1), 1);
    assert_true(time(NULL) - start < 15); /* not 7 requests of 30 seconds with pauses of 10 */
    close(fd);
    assert_int_equal(by_gramines_library(1), 1); /* nor when it is refused */
}

static void a_quote_without_a_trusted_root_makes_nobody_ask(void **state)
{
    int fd = deaf();
    set_environment("cache-f");
    unsetenv("CLOISTER_TRUST_ROOT"); /* Intel's */
    write_settings(g_port, TRUSTING);
    assert_int_equal(by_gramines_library(1), 2);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 0), 0);
    close(fd);
}

/* What was fetched ought to be asked for anew, and nobody answers: the relying party chooses. */
static void what_was_fetched_before_serves_only_where_that_is_allowed(void **state)
{
    pid_t server = start_server();
    set_environment("cache-g");
    write_settings(g_port, TRUSTING);
    assert_int_equal(by_gramines_library(1), 0);
    stop_server(server);
    char command[SOFT_PATH_MAX + 256];
    snprintf(command, sizeof(command),
             "sed -i 's/\"expires\": [0-9]*/\"expires\": 1/' %s/cloister/collateral/*.json",
             in_fixture("cache-g"));
    assert_int_equal(system(command), 0);
    assert_int_equal(by_gramines_library(1), 1);
    setenv("CLOISTER_COLLATERAL_OFFLINE", "cached", 1);
    assert_int_equal(by_gramines_library(2), 0);
    assert_int_equal(by_our_library(in_fixture("qcnl.conf"), "cached", "accepted"), 0);
    setenv("CLOISTER_COLLATERAL_OFFLINE", "perhaps", 1);
    assert_int_equal(by_gramines_library(1), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_fetched_over_https_and_kept_on_disk_and_in_memory),
        cmocka_unit_test(without_a_cache_each_process_asks),
        cmocka_unit_test(a_server_whose_certificate_is_not_trusted_gives_nothing),
        cmocka_unit_test(a_server_that_never_answers_costs_a_bounded_time_once),
        cmocka_unit_test(a_quote_without_a_trusted_root_makes_nobody_ask),
        cmocka_unit_test(what_was_fetched_before_serves_only_where_that_is_allowed),
    };
    if (argc < 2)
        return 2;
    g_folder = argv[1];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
