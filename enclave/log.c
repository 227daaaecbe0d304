/* Log lines: formatted on the stack, written with one host call. */
#include "enclave/log.h"

#include <stdarg.h>

#include "enclave/gate.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"

unsigned g_log_level = PLAN_LOG_ERROR;
unsigned g_trace;

#define LINE_MAX 1024

void log_print(enum plan_log_level level, const char *format, ...)
{
    static const char *const prefix[PLAN_LOG_COUNT] = {
        "", "error: ", "warning: ", "debug: ", "trace: ", "",
    };
    char line[LINE_MAX];
    va_list args;

    if ((unsigned)level > g_log_level)
        return;
    size_t n = fmt_print(line, sizeof(line), "cloister: %s", prefix[level]);
    va_start(args, format);
    n += fmt_vprint(line + n, sizeof(line) - n - 1, format, args);
    va_end(args);
    n = MIN(n, sizeof(line) - 2);
    line[n++] = '\n';
    host_call(write_now, (uint64_t)g_machine.log_fd, PTR(line), n);
}
