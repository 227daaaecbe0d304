#ifndef LIB_AESM_AESM_H
#define LIB_AESM_AESM_H

/*
 * The three messages of the AESM protocol that obtain a quote, over the caller's buffers: pure code,
 * so that the launcher and hosted programs share one client. Wire: u32 length, then protobuf (proto2).
 * Source: Intel PSW messages.proto; shared/specs/attestation-fs.md section 5.
 */
#include <stddef.h>
#include <stdint.h>

#define AESM_KEY_ID_SIZE     256
#define AESM_REPORT_SIZE     432
#define AESM_TARGETINFO_SIZE 512
#define AESM_FRAME_HEADER    4
#define AESM_REQUEST_MAX     1024         /* room for any request we encode, frame header included */
#define AESM_RESPONSE_MAX    (64u << 10)  /* the largest response worth reading */

/* Where a real AESM listens, and where Gramine looks first (abstract, zero padded). */
#define AESM_SOCKET_PATH "/var/run/aesmd/aesm.socket"

/* Field numbers of the sub-messages. */
enum aesm_kind {
    AESM_INIT_QUOTE = 15,
    AESM_QUOTE_SIZE = 16,
    AESM_QUOTE = 17,
};

enum aesm_error {
    AESM_SUCCESS = 0,
    AESM_UNEXPECTED = 1,
    AESM_PARAMETER = 3,
    AESM_MSG_ERROR = 22,
    AESM_UNSUPPORTED_ATT_KEY_ID = 38,
    AESM_INTERFACE_UNAVAILABLE = 40,
    AESM_ATT_KEY_NOT_INITIALIZED = 42, /* ask again from initQuoteEx on */
    AESM_INVALID_REPORT = 47,
};

struct aesm_response {
    uint32_t error;      /* enum aesm_error and others of AESM */
    const uint8_t *data; /* borrowed: target info (init) or quote; NULL without */
    size_t data_size;
    uint32_t quote_size; /* AESM_QUOTE_SIZE */
};

/* Words for an error code, never NULL. */
const char *aesm_error_words(uint32_t error);

/* The attestation key of Intel's reference ECDSA P-256 quoting enclave (zero-padded, packed). */
void aesm_key_id_ecdsa(uint8_t id[AESM_KEY_ID_SIZE]);

/* Encode a request with its frame header. Each returns its length, or -ENOBUFS. */
int64_t aesm_encode_init(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE]);
int64_t aesm_encode_quote_size(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE]);
int64_t aesm_encode_quote(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE],
                          const uint8_t report[AESM_REPORT_SIZE], uint32_t quote_room);

/*
 * Decode a response (without frame header). Checks that it answers `kind`, and lengths: a target info
 * is 512 bytes, a quote is cut to the length that it states itself.
 * Returns 0 (look at out->error); -EBADMSG malformed or an answer to something else.
 */
int aesm_decode_response(const void *data, size_t size, enum aesm_kind kind,
                         struct aesm_response *out);

#endif
