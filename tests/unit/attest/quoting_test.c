/*
 * Ways to a quote: AESM that says its key is not there yet (error 42), and Intel's in-process
 * library. usage: quoting_test FAKE_LIBRARY (fake_dcap_ql.c)
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/dcap/verify.h"
#include "attest/soft/aesm_client.h"
#include "attest/soft/answer.h"
#include "attest/soft/dcap_ql.h"
#include "attest/soft/service.h"
#include "attest/soft/unix_socket.h"
#include "lib/base/bytes.h"
#include "tests/unit/attest/fixture.h"

static struct fixture g_fixture;
static const char *g_library;

static int make_fixture(void **state)
{
    fixture_make(&g_fixture);
    setenv("FAKE_DCAP_QL_STATE", g_fixture.folder, 1);
    return 0;
}

static int remove_fixture(void **state)
{
    fixture_remove(&g_fixture);
    return 0;
}

static int make_report(void *arg, const uint8_t *target, uint8_t *report)
{
    uint8_t data[64] = "by any way";
    fixture_report(&g_fixture, arg, target, data, report);
    return 0;
}

static void check_quote(const uint8_t *quote, int64_t size)
{
    struct verify_options o = { .roots = &g_fixture.roots };
    struct verdict v;
    assert_true(size > 0);
    assert_int_equal(quote_verify(quote, (size_t)size, &g_fixture.collateral, &o, time(NULL), &v),
                     0);
    assert_string_equal((const char *)v.body.report_data, "by any way");
}

/* An AESM whose key is lost again and again: the kind of request `at` is answered with 42 `times`
 * times. */
struct forgetful {
    int listener;
    uint8_t at; /* the first byte of the request: 0x7a initQuoteEx, 0x8a getQuoteEx */
    unsigned times, asked[256];
    pthread_t thread;
};

static void *forget(void *arg)
{
    struct forgetful *f = arg;
    struct quoter quoter = soft_qe_quoter(g_fixture.qe);
    for (int fd; (fd = accept(f->listener, NULL, NULL)) >= 0; close(fd)) {
        static const uint8_t init_42[] = { 4, 0, 0, 0, 0x7a, 2, 8, 42 },
                             quote_42[] = { 5, 0, 0, 0, 0x8a, 1, 2, 8, 42 };
        uint8_t request[4 + SOFT_REQUEST_MAX], *response = NULL;
        if (recv(fd, request, 4, MSG_WAITALL) != 4 ||
            recv(fd, request + 4, load_le32(request), MSG_WAITALL) < 1)
            continue;
        bool wants_init = request[4] == 0x7a;
        if (f->asked[request[4]]++ < f->times && request[4] == f->at) {
            (void)send(fd, wants_init ? init_42 : quote_42,
                       wants_init ? sizeof(init_42) : sizeof(quote_42), MSG_NOSIGNAL);
            continue;
        }
        int64_t n = soft_answer(&quoter, request + 4, load_le32(request), &response);
        (void)send(fd, response, (size_t)n, MSG_NOSIGNAL);
        free(response);
    }
    return NULL;
}

static void forgetful_start(struct forgetful *f, uint8_t at, unsigned times, char *path,
                            size_t size)
{
    *f = (struct forgetful){ .at = at, .times = times };
    snprintf(path, size, "%s/forgetful.socket", g_fixture.folder);
    f->listener = unix_listen(path);
    assert_true(f->listener >= 0);
    assert_int_equal(fcntl(f->listener, F_SETFL, 0), 0); /* blocking */
    assert_int_equal(pthread_create(&f->thread, NULL, forget, f), 0);
}

static void forgetful_stop(struct forgetful *f)
{
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->listener);
}

/* Four times is endured: the fifth round is the last that is tried. */
static void error_42_is_asked_again_from_the_start_until_it_works(void **state)
{
    static const uint8_t where[] = { 0x7a, 0x8a };
    struct forgetful f;
    char path[SOFT_PATH_MAX + 32];
    uint8_t quote[8192];
    uint32_t error;
    for (size_t i = 0; i < ARRAY_COUNT(where); i++) {
        forgetful_start(&f, where[i], 4, path, sizeof(path));
        int64_t n = aesm_quote(path, make_report, (void *)&fake_good, quote, sizeof(quote), &error);
        forgetful_stop(&f);
        check_quote(quote, n);
        assert_int_equal(f.asked[0x7a], 5); /* the target is fetched anew each time */
        assert_int_equal(f.asked[0x8a], where[i] == 0x7a ? 1 : 5);
    }
}

static void after_five_rounds_it_gives_up_and_says_why(void **state)
{
    struct forgetful f;
    char path[SOFT_PATH_MAX + 32];
    uint8_t quote[8192];
    uint32_t error;
    forgetful_start(&f, 0x8a, 1000, path, sizeof(path));
    time_t start = time(NULL);
    assert_int_equal(
        aesm_quote(path, make_report, (void *)&fake_good, quote, sizeof(quote), &error),
        -EREMOTEIO);
    forgetful_stop(&f);
    assert_int_equal(error, AESM_ATT_KEY_NOT_INITIALIZED);
    assert_non_null(strstr(aesm_error_words(error), "key"));
    assert_int_equal(f.asked[0x8a], 5);
    assert_true(time(NULL) - start < 20);
}

static pid_t serve_by_library(const char *socket, const char *failing)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct soft_service o = {
            .state = g_fixture.folder, .socket = socket, .dcap_ql = true, .dcap_ql_path = g_library
        };
        char why[256];
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (failing)
            setenv("FAKE_DCAP_QL_ERROR", failing, 1);
        _exit(soft_service_run(&o, why, sizeof(why)) ? 1 : 0);
    }
    for (int i = 0, fd = -1; i < 500 && fd < 0; i++) {
        fd = unix_connect(socket, 1000);
        if (fd >= 0)
            close(fd);
        else
            usleep(20000);
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void intels_library_makes_the_quotes_where_it_is(void **state)
{
    char path[SOFT_PATH_MAX + 32];
    uint8_t quote[8192];
    uint32_t error;
    snprintf(path, sizeof(path), "%s/ql.socket", g_fixture.folder);
    pid_t pid = serve_by_library(path, NULL);
    int64_t n = aesm_quote(path, make_report, (void *)&fake_good, quote, sizeof(quote), &error);
    assert_int_equal(aesm_quote_size(path, &error), n);
    stop(pid);
    check_quote(quote, n);
}

static void its_errors_come_as_aesms_and_in_words(void **state)
{
    static const struct {
        const char *failing;
        uint32_t aesm;
    } cases[] = { { "target_info 0xE00E", 41 }, { "target_info 0xE016", 48 },
                  { "quote_size 0xE00F", 42 },  { "quote 0xE011", 44 },
                  { "quote 0xE015", 47 },       { "quote 0xEABC", 1 } };
    char path[SOFT_PATH_MAX + 32];
    uint8_t quote[8192];
    snprintf(path, sizeof(path), "%s/ql.socket", g_fixture.folder);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t error = 0;
        pid_t pid = serve_by_library(path, cases[i].failing);
        assert_int_equal(
            aesm_quote(path, make_report, (void *)&fake_good, quote, sizeof(quote), &error),
            -EREMOTEIO);
        stop(pid);
        assert_int_equal(error, cases[i].aesm);
    }
    assert_non_null(strstr(dcap_ql_words(0xE011), "certificate"));
    assert_int_equal(dcap_ql_aesm_error(0), AESM_SUCCESS);
}

static void a_library_that_is_not_there_or_lacks_a_function_is_named(void **state)
{
    char why[512];
    assert_int_equal(dcap_ql_probe("/nowhere/libsgx_dcap_ql.so.1", why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, "/nowhere/libsgx_dcap_ql.so.1"));
    assert_int_equal(dcap_ql_probe("libm.so.6", why, sizeof(why)), -ENOSYS);
    assert_non_null(strstr(why, "sgx_qe_get_target_info"));
    assert_int_equal(dcap_ql_probe(g_library, why, sizeof(why)), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_42_is_asked_again_from_the_start_until_it_works),
        cmocka_unit_test(after_five_rounds_it_gives_up_and_says_why),
        cmocka_unit_test(intels_library_makes_the_quotes_where_it_is),
        cmocka_unit_test(its_errors_come_as_aesms_and_in_words),
        cmocka_unit_test(a_library_that_is_not_there_or_lacks_a_function_is_named),
    };
    if (argc != 2)
        return 2;
    g_library = argv[1];
    return cmocka_run_group_tests(tests, make_fixture, remove_fixture);
}
