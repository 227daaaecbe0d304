#ifndef ATTEST_SP_WIRE_H
#define ATTEST_SP_WIRE_H

/* The messages of secret provisioning, version 1. Source: shared/specs/secret-provisioning.md 1.2.
 */
#include <stddef.h>
#include <stdint.h>

#define SP_REQUEST      "SECRET_PROVISION_RA_TLS_REQUEST_V1" /* sent with its NUL */
#define SP_RESPONSE     "SECRET_PROVISION_RA_TLS_RESPONSE_V1:"
#define SP_REQUEST_SIZE sizeof(SP_REQUEST)
#define SP_HEADER_SIZE  (sizeof(SP_RESPONSE) + 4) /* then the secret */
#define SP_SECRET_MAX   (64u << 20) /* what a client takes; the format allows 2^31 - 1 */

/*
 * Cloister's own: after the first secret, a client may ask for others by name, as application
 * traffic. Sent with its NUL; answered by a big-endian u32 size, 0 for "not for you", and so many
 * bytes.
 */
#define SP_NAME_REQUEST     "SECRET_PROVISION_CLOISTER_NAME_V1:" /* then the name */
#define SP_NAME_MAX         63
#define SP_NAME_REQUEST_MAX (sizeof(SP_NAME_REQUEST) + SP_NAME_MAX)

/* Letters, digits and "._-", 1 to SP_NAME_MAX of them. */
int sp_name_check(const char *name);
/*
 * Take the name out of a request of `size` bytes so far. Returns 1 with *name pointing into it; 0
 * more bytes are needed; -EINVAL it is none.
 */
int sp_name_request_parse(const uint8_t *request, size_t size, const char **name);

int sp_request_check(const uint8_t request[SP_REQUEST_SIZE]);
void sp_header_make(uint32_t secret_size, uint8_t header[SP_HEADER_SIZE]);
/* Returns 0; -EINVAL another protocol, or a size of 0 or above SP_SECRET_MAX. */
int sp_header_parse(const uint8_t header[SP_HEADER_SIZE], uint32_t *secret_size);

/*
 * Take the next "host:port" of a server list (separators: comma, semicolon, space). Entries without
 * a port are skipped. Returns 1 found; 0 end of list.
 */
int sp_next_server(const char **list, char host[256], char port[32]);

#endif
