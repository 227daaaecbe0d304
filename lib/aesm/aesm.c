/*
 * AESM messages by hand: protobuf's wire format is a sequence of (field << 3 | type) and a varint or a
 * length with bytes, and we need four fields of it. Responses come from an untrusted service: every
 * length is checked. Start at aesm_decode_response().
 */
#include "lib/aesm/aesm.h"

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/base/cursor.h"
#include "lib/linux/errno.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct writer {
    uint8_t *pos;
    size_t left;
    bool failed;
};

static void put_bytes(struct writer *w, const void *data, size_t size)
{
    if (w->failed || size > w->left) {
        w->failed = true;
        return;
    }
    memcpy(w->pos, data, size);
    w->pos += size;
    w->left -= size;
}

static void put_varint(struct writer *w, uint64_t value)
{
    uint8_t buf[10];
    size_t n = 0;
    do {
        buf[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    put_bytes(w, buf, n);
}

static void put_number(struct writer *w, unsigned field, uint64_t value)
{
    put_varint(w, field << 3 | WIRE_VARINT);
    put_varint(w, value);
}

static void put_field(struct writer *w, unsigned field, const void *data, size_t size)
{
    put_varint(w, field << 3 | WIRE_BYTES);
    put_varint(w, size);
    put_bytes(w, data, size);
}

/* Wrap a sub-message and the frame header around what `inner` holds. */
static int64_t finish(uint8_t *buf, size_t size, enum aesm_kind kind, const struct writer *inner,
                      const uint8_t *inner_start)
{
    struct writer w = { buf, size, inner->failed };
    uint8_t header[AESM_FRAME_HEADER] = { 0 };
    put_bytes(&w, header, sizeof(header));
    put_field(&w, kind, inner_start, (size_t)(inner->pos - inner_start));
    if (w.failed)
        return -ENOBUFS;
    store_le32(buf, (uint32_t)(size - w.left - sizeof(header)));
    return (int64_t)(size - w.left);
}

int64_t aesm_encode_init(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE])
{
    uint8_t body[AESM_REQUEST_MAX];
    struct writer w = { body, sizeof(body), false };
    put_field(&w, 1, key_id, AESM_KEY_ID_SIZE);
    put_number(&w, 3, 1);  /* b_pub_key_id: make the key and return its id in one call */
    put_number(&w, 4, 32); /* buf_size */
    return finish(buf, size, AESM_INIT_QUOTE, &w, body);
}

int64_t aesm_encode_quote_size(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE])
{
    uint8_t body[AESM_REQUEST_MAX];
    struct writer w = { body, sizeof(body), false };
    put_field(&w, 1, key_id, AESM_KEY_ID_SIZE);
    return finish(buf, size, AESM_QUOTE_SIZE, &w, body);
}

int64_t aesm_encode_quote(uint8_t *buf, size_t size, const uint8_t key_id[AESM_KEY_ID_SIZE],
                          const uint8_t report[AESM_REPORT_SIZE], uint32_t quote_room)
{
    uint8_t body[AESM_REQUEST_MAX];
    struct writer w = { body, sizeof(body), false };
    put_field(&w, 1, report, AESM_REPORT_SIZE);
    put_field(&w, 2, key_id, AESM_KEY_ID_SIZE);
    put_number(&w, 4, quote_room);
    return finish(buf, size, AESM_QUOTE, &w, body);
}

struct field {
    uint64_t number, value; /* value: of a varint */
    const uint8_t *data;    /* of a byte string, else NULL */
    size_t size;
};

static uint64_t take_varint(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    c->failed = true;
    return 0;
}

static struct field take_field(struct cursor *c)
{
    uint64_t key = take_varint(c);
    struct field f = { .number = key >> 3 };
    uint64_t size = 0;
    switch (key & 7) {
    case WIRE_VARINT: f.value = take_varint(c); break;
    case WIRE_FIXED64: (void)cursor_take(c, 8); break;
    case WIRE_FIXED32: (void)cursor_take(c, 4); break;
    case WIRE_BYTES:
        size = take_varint(c);
        f.data = cursor_take(c, size <= SIZE_MAX ? (size_t)size : SIZE_MAX);
        f.size = f.data ? (size_t)size : 0;
        break;
    default: c->failed = true;
    }
    if (c->failed)
        return (struct field){ 0 };
    return f;
}

/* Fields have the same numbers in all three: 1 error, 2 the result. Unknown fields are skipped. */
static int decode_inner(struct cursor c, struct aesm_response *out)
{
    bool have_error = false;
    while (c.left > 0 && !c.failed) {
        struct field f = take_field(&c);
        if (f.number == 1 && !f.data) {
            out->error = f.value <= UINT32_MAX ? (uint32_t)f.value : AESM_UNEXPECTED;
            have_error = true;
        } else if (f.number == 2 && f.data) {
            out->data = f.data;
            out->data_size = f.size;
        } else if (f.number == 2) {
            out->quote_size = f.value <= UINT32_MAX ? (uint32_t)f.value : 0;
        }
    }
    return c.failed || !have_error ? -EBADMSG : 0;
}

/* AESM returns the buffer that was asked for; the quote says itself where it ends. */
static int cut_quote(struct aesm_response *r)
{
    if (!r->data || r->data_size < 436)
        return -EBADMSG;
    uint32_t signature = load_le32(r->data + 432);
    if (signature > r->data_size - 436)
        return -EBADMSG;
    r->data_size = 436 + (size_t)signature;
    return 0;
}

int aesm_decode_response(const void *data, size_t size, enum aesm_kind kind,
                         struct aesm_response *out)
{
    struct cursor c = cursor_over(data, size);
    bool found = false;
    *out = (struct aesm_response){ .error = AESM_UNEXPECTED };
    while (c.left > 0 && !c.failed) {
        struct field f = take_field(&c);
        if (c.failed || !f.data || f.number != (uint64_t)kind || found ||
            decode_inner(cursor_over(f.data, f.size), out))
            return -EBADMSG;
        found = true;
    }
    if (c.failed || !found)
        return -EBADMSG;
    if (out->error != AESM_SUCCESS)
        return 0;
    if (kind == AESM_INIT_QUOTE && (!out->data || out->data_size != AESM_TARGETINFO_SIZE))
        return -EBADMSG;
    return kind == AESM_QUOTE ? cut_quote(out) : 0;
}

void aesm_key_id_ecdsa(uint8_t id[AESM_KEY_ID_SIZE])
{
    static const uint8_t mrsigner[32] = { 0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e,
                                          0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
                                          0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b,
                                          0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff };
    memset(id, 0, AESM_KEY_ID_SIZE);
    store_le16(id + 4, sizeof(mrsigner));
    memcpy(id + 6, mrsigner, sizeof(mrsigner));
    store_le32(id + 54, 1);  /* product id of the quoting enclave */
    store_le32(id + 154, 2); /* ECDSA P-256 */
}

const char *aesm_error_words(uint32_t error)
{
    switch (error) {
    case AESM_SUCCESS: return "success";
    case 2: return "no SGX device";
    case AESM_PARAMETER: return "wrong parameter";
    case 12:
    case 13: return "the service could not reach the network";
    case 18: return "the service is busy";
    case 21: return "the service is out of memory";
    case AESM_MSG_ERROR: return "the service did not understand the message";
    case 24: return "the SGX device is not available";
    case 30: return "the service is unavailable";
    case 31: return "the platform is not known to the provisioning service: register it";
    case AESM_UNSUPPORTED_ATT_KEY_ID: return "unsupported attestation key";
    case AESM_INTERFACE_UNAVAILABLE: return "unsupported request";
    case 41: return "the platform's quote library is missing";
    case AESM_ATT_KEY_NOT_INITIALIZED: return "the attestation key is not initialised";
    case 44: return "no certificate for this platform: is the PCCS reachable?";
    case AESM_INVALID_REPORT: return "the report was not made on this machine for this service";
    default: return "unexpected error";
    }
}
