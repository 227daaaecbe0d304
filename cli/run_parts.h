#ifndef CLI_RUN_PARTS_H
#define CLI_RUN_PARTS_H

/*
 * What `run` needs of the big libraries. In `cloister`, which is small so that it starts at once, they come from
 * what was made before (run_quick.c); else it hands over to `cloister-tools`, where run_whole.c makes them.
 */
#include <stddef.h>

#include "cli/plan_cache.h"

/* The plan of a manifest. 0; else an exit code, and a message was printed. */
int run_plan(const struct plan_question *q, struct plan_place *out);

/*
 * Become the launcher with these words. program: what to execute for it, when something was named (--host,
 * $CLOISTER_HOST, --gdb), else NULL. Comes back, with an exit code, only when that failed.
 */
int run_launcher(const char *program, int argc, char **argv);

/* As attest_soft_service_ensure(): 0 or -errno. */
int run_quoting_service(const char *state, char *socket, size_t size);

/*
 * The hardware's quoting service by Intel's DCAP library, for machines without aesmd; as soft_service_ensure().
 * 0; -ENOENT the library is not there; -errno.
 */
int run_dcap_ql_service(const char *state, char *socket, size_t size);

/* run_quick.c only: the words to hand over. */
void run_remember(char **argv);
/* Become cloister-tools with these words. Comes back, with an exit code, only when that failed. */
int run_hand_over(void);

#endif
