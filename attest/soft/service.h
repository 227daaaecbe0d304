#ifndef ATTEST_SOFT_SERVICE_H
#define ATTEST_SOFT_SERVICE_H

/* The quoting service: AESM's protocol on a Unix socket, for the software device, or for hardware
 * by the DCAP library. */
#include <stdbool.h>
#include <stddef.h>

#define SOFT_SOCKET         "aesm.socket"
#define SOFT_DCAP_QL_SOCKET "dcap-ql.socket"
#define SOFT_IDLE_EXIT      600 /* seconds, when started in the background */

/* Words for the person who started it: one line, no newline. May be NULL. */
typedef void soft_service_note(const char *line);

struct soft_service {
    const char *state;  /* folder as for soft_state_dir(), may be NULL */
    const char *socket; /* path, or NULL: aesm.socket in that folder, dcap-ql.socket for the
                           library's quotes */
    unsigned idle_exit; /* end when nobody has called for so many seconds; 0: never */
    soft_service_note *ready;
    bool dcap_ql; /* quotes of the hardware, by Intel's library (dcap_ql.h) rather than the software
                     device's */
    const char *dcap_ql_path;
};

/*
 * Serve until SIGTERM or SIGINT, or until it has been idle.
 *
 * why   one line when the DCAP library is the reason; else ""
 * Returns 0; -EALREADY another service answers there; -errno.
 */
int soft_service_run(const struct soft_service *options, char *why, size_t why_size);

/*
 * See that the service answers; start it in the background if not (state, dcap_ql and dcap_ql_path
 * of the options count). Any number of processes may do this at once. `socket` receives its path.
 * Returns 0; -ETIMEDOUT it was started and does not answer: see service.log in the state folder;
 * -errno.
 */
int soft_service_ensure(const struct soft_service *options, char *socket, size_t size);
/* The same for the software device's. */
int attest_soft_service_ensure(const char *state, char *socket, size_t size);

#endif
