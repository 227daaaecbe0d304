#ifndef HOST_QUOTING_H
#define HOST_QUOTING_H

/* Ask the quoting service (AESM, or the software one) on g_host.aesm_path. Served code: no libc. */
#include <stdint.h>

/* The quoting enclave's TARGETINFO, 512 bytes. Returns 0; -ENOENT no service; -EACCES; -EAGAIN. */
int64_t quoting_target(uint8_t *target);

/* A quote over a 432-byte report into out[size]. Returns its length; -ENOENT; -EACCES; -EAGAIN ask again from quoting_target on. */
int64_t quoting_get(const uint8_t *report, uint8_t *out, uint64_t size);

#endif
