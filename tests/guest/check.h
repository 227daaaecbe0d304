#ifndef TESTS_GUEST_CHECK_H
#define TESTS_GUEST_CHECK_H

/*
 * What every guest program shares: a failing check prints one line and the program goes on; main returns
 * check_result(). A passing program prints nothing that differs from one run to the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int g_failures;

static inline void check_failed(const char *file, int line, const char *what, long got, long expected)
{
    int saved = errno;
    if (++g_failures < 50)
        printf("%s:%d: %s: got %ld, expected %ld (errno %d, %s)\n", file, line, what, got, expected, saved, strerror(saved));
    fflush(stdout);
}

/* The condition holds. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE_NAME__, __LINE__, #cond, 0, 1))

/* The call yields this value. */
#define CHECK_EQ(call, value) check_eq(__FILE_NAME__, __LINE__, #call, (long)(call), (long)(value))

/* The call fails with -1 and this errno. */
#define CHECK_ERRNO(call, error) (errno = 0, check_errno(__FILE_NAME__, __LINE__, #call, (long)(call), (error)))

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

static inline void check_eq(const char *file, int line, const char *what, long got, long expected)
{
    if (got != expected)
        check_failed(file, line, what, got, expected);
}

static inline void check_errno(const char *file, int line, const char *what, long got, int error)
{
    if (got != -1)
        check_failed(file, line, what, got, -1);
    else if (errno != error)
        check_failed(file, line, what, errno, error);
}

/* Nothing works without this one. */
#define NEED(cond) ((cond) ? (void)0 : (check_failed(__FILE_NAME__, __LINE__, "needed: " #cond, 0, 1), exit(1)))

static inline int check_result(void)
{
    return g_failures ? 1 : 0;
}

/* argv[1]: a directory of this test's own; made current. */
static inline int check_enter_scratch(int argc, char **argv);

#include <sys/stat.h>
#include <unistd.h>

static inline int check_enter_scratch(int argc, char **argv)
{
    static char name[4096];
    const char *slash = strrchr(argv[0], '/');
    snprintf(name, sizeof(name), "%s/%s.d", argc > 1 ? argv[1] : "/tmp", slash ? slash + 1 : argv[0]);
    mkdir(name, 0755);
    return chdir(name);
}

#endif
