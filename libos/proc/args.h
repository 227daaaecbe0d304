#ifndef LIBOS_PROC_ARGS_H
#define LIBOS_PROC_ARGS_H

/* argv and environment of the first program, from the plan and the host's words (specs/manifest.md §3.1 and §4). */
#include <stddef.h>

#include "lib/plan/plan.h"
#include "libos/exec/words.h"

/* The host's words: NUL-terminated, end to end. Untrusted: used only where the plan says so. */
struct host_words {
    const char *block;
    size_t size;
};

enum args_note { ARGS_FINE, ARGS_DROPPED /* the plan fixes argv: the command line's words were not used */ };

/* 0; -EINVAL: the command line has words that the plan neither takes nor replaces; -E2BIG; -ENOMEM. */
int args_build_argv(const struct plan *plan, struct host_words host, struct words *out, enum args_note *note);
/* 0; -EINVAL: a host variable without '='; -E2BIG; -ENOMEM. */
int args_build_env(const struct plan *plan, struct host_words host, struct words *out);

#endif
