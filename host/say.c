/*
 * The launcher's messages. No libc, no locks: one write(2) a message, so that lines of several threads
 * do not mix. Also provides panic() for the parts of lib/ that the launcher links.
 */
#include "host/say.h"

#include <stdarg.h>
#include <stddef.h>

#include "host/syscall.h"
#include "lib/base/assert.h"
#include "lib/base/fmt.h"
#include "lib/linux/errno.h"

#define SAY_MAX 1024

static void say(const char *prefix, const char *suffix, const char *format, va_list args)
{
    char text[SAY_MAX];
    size_t n = fmt_print(text, sizeof(text), "%s", prefix);
    n += fmt_vprint(text + n, sizeof(text) - n, format, args);
    if (n > sizeof(text) - 2)
        n = sizeof(text) - 2;
    n += fmt_print(text + n, sizeof(text) - n, "%s", suffix);
    sys3(__NR_write, 2, address_of(text), n);
}

void host_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("cloister: ", "\n", format, args);
    va_end(args);
}

_Noreturn void host_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("cloister: ", "\n", format, args);
    va_end(args);
    for (;;)
        sys1(__NR_exit_group, 1);
}

void host_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", "", format, args);
    va_end(args);
}

const char *host_error_name(int64_t error)
{
    switch (error < 0 ? -error : error) {
    case EPERM: return "EPERM (operation not permitted)";
    case ENOENT: return "ENOENT (no such file)";
    case EIO: return "EIO (input/output error)";
    case ENXIO: return "ENXIO (no such device)";
    case EAGAIN: return "EAGAIN (no resources at the moment)";
    case ENOMEM: return "ENOMEM (out of memory)";
    case EACCES: return "EACCES (permission denied)";
    case EFAULT: return "EFAULT (bad address)";
    case EBUSY: return "EBUSY (busy)";
    case EEXIST: return "EEXIST (exists already)";
    case ENODEV: return "ENODEV (no such device)";
    case EINVAL: return "EINVAL (invalid argument)";
    case ENOTTY: return "ENOTTY (not supported by this driver)";
    case ENOSYS: return "ENOSYS (not supported by this kernel)";
    case ENOEXEC: return "ENOEXEC (malformed)";
    case ECONNREFUSED: return "ECONNREFUSED (connection refused)";
    case ETIMEDOUT: return "ETIMEDOUT (timed out)";
    default: return "error";
    }
}

_Noreturn void panic(const char *file, int line, const char *what)
{
    host_fail("internal error in the launcher at %s:%d: %s", file, line, what);
}
