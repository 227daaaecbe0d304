#ifndef ATTEST_SP_WIRE_H
#define ATTEST_SP_WIRE_H

/* The messages of secret provisioning, version 1. Source: shared/specs/secret-provisioning.md 1.2. */
#include <stddef.h>
#include <stdint.h>

#define SP_REQUEST      "SECRET_PROVISION_RA_TLS_REQUEST_V1" /* sent with its NUL */
#define SP_RESPONSE     "SECRET_PROVISION_RA_TLS_RESPONSE_V1:"
#define SP_REQUEST_SIZE sizeof(SP_REQUEST)
#define SP_HEADER_SIZE  (sizeof(SP_RESPONSE) + 4) /* then the secret */
#define SP_SECRET_MAX   (64u << 20)               /* what a client takes; the format allows 2^31 - 1 */

int sp_request_check(const uint8_t request[SP_REQUEST_SIZE]);
void sp_header_make(uint32_t secret_size, uint8_t header[SP_HEADER_SIZE]);
/* Returns 0; -EINVAL another protocol, or a size of 0 or above SP_SECRET_MAX. */
int sp_header_parse(const uint8_t header[SP_HEADER_SIZE], uint32_t *secret_size);

/*
 * Take the next "host:port" of a server list (separators: comma, semicolon, space). Entries without a port
 * are skipped. Returns 1 found; 0 end of list.
 */
int sp_next_server(const char **list, char host[256], char port[32]);

#endif
