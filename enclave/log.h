#ifndef ENCLAVE_LOG_H
#define ENCLAVE_LOG_H

/* One line to the log descriptor. Never a secret. Levels are enum plan_log_level. */
#include "lib/plan/plan.h"

void log_print(enum plan_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_print(PLAN_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(PLAN_LOG_WARNING, __VA_ARGS__)
#define log_debug(...)   log_print(PLAN_LOG_DEBUG, __VA_ARGS__)

/* Printed at every level: what a person must see (insecure settings, mode). */
#define log_always(...)  log_print(PLAN_LOG_NONE, __VA_ARGS__)

extern unsigned g_log_level;

/* --trace categories. */
enum trace_category { TRACE_SYS = 1, TRACE_HOST = 2, TRACE_FS = 4, TRACE_MM = 8, TRACE_SIG = 16 };
#define trace(category, ...) ((g_trace & (category)) ? log_print(PLAN_LOG_NONE, __VA_ARGS__) : (void)0)
extern unsigned g_trace;

#endif
