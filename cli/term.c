/*
 * Messages and progress of the command line tools. Trusts nothing and decides nothing; it
 * only keeps the shape of messages in one place. Start at term_error().
 */
#include "cli/term.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"

static const char *g_command = "cloister";
static bool g_progress_shown;
static struct timespec g_progress_last;

void term_set_command(const char *prefix)
{
    g_command = prefix;
}

const char *term_command(void)
{
    return g_command;
}

/* In one write where it fits: one system call, and a line that no other process's words get into. */
static void message(const char *format, va_list args)
{
    char line[1024];
    va_list again;
    term_progress_end();
    va_copy(again, args);
    int prefix = snprintf(line, sizeof(line), "%s: ", g_command);
    int n = prefix < 0 || prefix >= (int)sizeof(line) ? -1 : vsnprintf(line + prefix, sizeof(line) - (size_t)prefix, format, args);
    if (n >= 0 && prefix + n + 1 < (int)sizeof(line)) {
        line[prefix + n] = '\n';
        fwrite(line, 1, (size_t)(prefix + n) + 1, stderr);
    } else {
        fprintf(stderr, "%s: ", g_command);
        vfprintf(stderr, format, again);
        fputc('\n', stderr);
    }
    va_end(again);
}

int term_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args);
    va_end(args);
    return EXIT_FAILED;
}

int term_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args);
    va_end(args);
    fprintf(stderr, "Try '%s --help'.\n", g_command);
    return EXIT_USAGE;
}

void term_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args);
    va_end(args);
}

static bool redraw_is_due(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (now.tv_sec - g_progress_last.tv_sec) * 1000 +
                 (now.tv_nsec - g_progress_last.tv_nsec) / 1000000;
    if (g_progress_shown && ms < 100)
        return false;
    g_progress_last = now;
    return true;
}

void term_progress(const char *what, uint64_t done, uint64_t total)
{
    if (!isatty(STDERR_FILENO) || !redraw_is_due())
        return;
    if (total)
        fprintf(stderr, "\r\033[K%s: %3d%%", what, (int)(100.0 * (double)done / (double)total));
    else
        fprintf(stderr, "\r\033[K%s: %llu", what, (unsigned long long)done);
    fflush(stderr);
    g_progress_shown = true;
}

void term_progress_end(void)
{
    if (!g_progress_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    g_progress_shown = false;
}

int term_finish(int code)
{
    term_progress_end();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        int failed = term_error("cannot write output: stdout: %s", strerror(errno));
        return code == EXIT_OK ? failed : code;
    }
    return code;
}
