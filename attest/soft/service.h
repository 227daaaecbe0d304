#ifndef ATTEST_SOFT_SERVICE_H
#define ATTEST_SOFT_SERVICE_H

/* The software quoting service: AESM's protocol on a Unix socket. */
#include <stddef.h>

#define SOFT_IDLE_EXIT 600 /* seconds, when started in the background */

/* Words for the person who started it: one line, no newline. May be NULL. */
typedef void soft_service_note(const char *line);

/*
 * Serve until SIGTERM or SIGINT, or until nobody has called for idle_exit seconds (0: for ever).
 *
 * state    state folder as for soft_state_dir(), may be NULL
 * socket   path, or NULL for aesm.socket in the state folder
 * Returns 0; -EALREADY another service answers there; -errno.
 */
int soft_service_run(const char *state, const char *socket, unsigned idle_exit,
                     soft_service_note *ready);

/*
 * See that the service of this state folder (NULL: the default) answers; start it in the background if
 * not. Any number of processes may do this at once. `socket` receives its path.
 * Returns 0; -ETIMEDOUT it was started and does not answer: see service.log in the state folder; -errno.
 */
int attest_soft_service_ensure(const char *state, char *socket, size_t size);

#endif
