#ifndef LIBOS_EXEC_SCRIPT_H
#define LIBOS_EXEC_SCRIPT_H

/* The first line of a script: "#! interpreter [one argument]". */
#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_LINE_MAX 256 /* Linux's BINPRM_BUF_SIZE */

struct script {
    char interpreter[SCRIPT_LINE_MAX];
    char argument[SCRIPT_LINE_MAX]; /* "" when has_argument is false */
    bool has_argument;
};

/*
 * Decode the first bytes of a file. 0; -ENOEXEC: not a script, no interpreter named, or its name does not end
 * within SCRIPT_LINE_MAX bytes (as Linux: a truncated argument is accepted, a truncated name is not).
 */
int script_parse(const char *head, size_t size, struct script *out);

#endif
