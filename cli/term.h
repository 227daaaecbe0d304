#ifndef CLI_TERM_H
#define CLI_TERM_H

/*
 * What commands say: messages of one shape on stderr, progress on a terminal.
 *
 * A message reads `cloister COMMAND: what: which: why`. Results go to stdout, everything else to
 * stderr, so that output can be piped.
 */
#include <stddef.h>
#include <stdint.h>

/* The prefix of every message: "cloister sign", or a compatible name by itself. */
void term_set_command(const char *prefix);
const char *term_command(void);

/* Print `prefix: message` on stderr. Return EXIT_FAILED and EXIT_USAGE, so that commands can return
 * them. */
int term_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int term_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something the user should know that does not fail the command. */
void term_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Show progress on one line that is overwritten; silent unless stderr is a terminal. `total` 0
 * means unknown. Safe to call often: it redraws at most ten times a second. Not thread-safe.
 */
void term_progress(const char *what, uint64_t done, uint64_t total);
void term_progress_end(void);

/* Flush stdout; EXIT_FAILED with a message when what was printed did not arrive (a full disk). */
int term_finish(int code);

#endif
