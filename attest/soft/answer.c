/*
 * Answer AESM requests. Requests are decoded by protobuf-c (generated from aesm.proto),
 * independently of lib/aesm, which our clients use: each checks the other. Nothing in a request is
 * trusted.
 */
#include "attest/soft/answer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attest/aesm.pb-c.h"
#include "lib/aesm/aesm.h"
#include "lib/base/bytes.h"

#define QUOTE_ROOM_MAX (32u << 10)

static bool known_key(protobuf_c_boolean given, const ProtobufCBinaryData *id)
{
    uint8_t want[AESM_KEY_ID_SIZE];
    aesm_key_id_ecdsa(want);
    return !given || (id->len == sizeof(want) && memcmp(id->data, want, sizeof(want)) == 0);
}

static int64_t pack(const Soft__Aesm__Response *r, uint8_t **out)
{
    size_t size = soft__aesm__response__get_packed_size(r);
    *out = malloc(AESM_FRAME_HEADER + size);
    if (!*out)
        return -ENOMEM;
    store_le32(*out, (uint32_t)size);
    soft__aesm__response__pack(r, *out + AESM_FRAME_HEADER);
    return (int64_t)(AESM_FRAME_HEADER + size);
}

static int64_t answer_init(const struct quoter *by, const Soft__Aesm__Request__InitQuoteEx *q,
                           uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__InitQuoteEx r = SOFT__AESM__RESPONSE__INIT_QUOTE_EX__INIT;
    uint8_t target[AESM_TARGETINFO_SIZE], id[32];
    all.init_quote_ex = &r;
    r.error_code = AESM_SUCCESS;
    if (!known_key(q->has_att_key_id, &q->att_key_id))
        r.error_code = AESM_UNSUPPORTED_ATT_KEY_ID;
    else if (q->b_pub_key_id && (!q->has_buf_size || q->buf_size < sizeof(id)))
        r.error_code = AESM_PARAMETER;
    else
        r.error_code = by->target_info(by->self, target);
    if (r.error_code == AESM_SUCCESS) {
        r.has_target_info = true;
        r.target_info = (ProtobufCBinaryData){ sizeof(target), target };
        r.has_pub_key_id_size = true;
        r.pub_key_id_size = sizeof(id);
        if (q->b_pub_key_id && by->key_id) {
            by->key_id(by->self, id);
            r.has_pub_key_id = true;
            r.pub_key_id = (ProtobufCBinaryData){ sizeof(id), id };
        }
    }
    return pack(&all, out);
}

static int64_t answer_size(const struct quoter *by, const Soft__Aesm__Request__GetQuoteSizeEx *q,
                           uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__GetQuoteSizeEx r = SOFT__AESM__RESPONSE__GET_QUOTE_SIZE_EX__INIT;
    uint32_t size = 0;
    all.get_quote_size_ex = &r;
    r.error_code = known_key(q->has_att_key_id, &q->att_key_id) ? by->quote_size(by->self, &size)
                                                                : AESM_UNSUPPORTED_ATT_KEY_ID;
    r.has_quote_size = r.error_code == AESM_SUCCESS;
    r.quote_size = size;
    return pack(&all, out);
}

/* AESM hands back the whole buffer that was asked for; the quote knows its own length. */
static int64_t answer_quote(const struct quoter *by, const Soft__Aesm__Request__GetQuoteEx *q,
                            uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__GetQuoteEx r = SOFT__AESM__RESPONSE__GET_QUOTE_EX__INIT;
    uint8_t *quote = NULL;
    uint32_t used;
    all.get_quote_ex = &r;
    r.error_code = AESM_SUCCESS;
    if (q->report.len != AESM_REPORT_SIZE || q->buf_size > QUOTE_ROOM_MAX || q->has_qe_report_info)
        r.error_code = AESM_PARAMETER; /* a QE report in return is not offered */
    else if (!known_key(q->has_att_key_id, &q->att_key_id))
        r.error_code = AESM_UNSUPPORTED_ATT_KEY_ID;
    else if (!(quote = calloc(1, q->buf_size + 1u)))
        return -ENOMEM;
    if (r.error_code == AESM_SUCCESS) {
        r.error_code = by->quote(by->self, q->report.data, quote, q->buf_size, &used);
        r.has_quote = r.error_code == AESM_SUCCESS;
        r.quote = (ProtobufCBinaryData){ q->buf_size, quote };
    }
    int64_t ret = pack(&all, out);
    free(quote);
    return ret;
}

/* Choose from a list of key ids: u32 count, then entries of 256 bytes (packed). */
static int64_t answer_select(const Soft__Aesm__Request__SelectAttKeyID *q, uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__SelectAttKeyID r = SOFT__AESM__RESPONSE__SELECT_ATT_KEY_ID__INIT;
    uint8_t id[AESM_KEY_ID_SIZE];
    all.select_att_key_id = &r;
    r.error_code = AESM_UNSUPPORTED_ATT_KEY_ID;
    aesm_key_id_ecdsa(id);
    bool whole = q->has_att_key_id_list && q->att_key_id_list.len >= sizeof(id);
    if (!q->has_att_key_id_list ||
        (whole && memmem(q->att_key_id_list.data, q->att_key_id_list.len, id, sizeof(id)))) {
        r.error_code = AESM_SUCCESS;
        r.has_selected_att_key_id = true;
        r.selected_att_key_id = (ProtobufCBinaryData){ sizeof(id), id };
    }
    return pack(&all, out);
}

static int64_t answer_key_count(uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__GetSupportedAttKeyIDNum r =
        SOFT__AESM__RESPONSE__GET_SUPPORTED_ATT_KEY_IDNUM__INIT;
    all.get_supported_att_key_id_num = &r;
    r.error_code = AESM_SUCCESS;
    r.has_att_key_id_num = true;
    r.att_key_id_num = 1;
    return pack(&all, out);
}

static int64_t answer_key_ids(const Soft__Aesm__Request__GetSupportedAttKeyIDs *q, uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__GetSupportedAttKeyIDs r =
        SOFT__AESM__RESPONSE__GET_SUPPORTED_ATT_KEY_IDS__INIT;
    uint8_t id[AESM_KEY_ID_SIZE];
    all.get_supported_att_key_ids = &r;
    r.error_code = q->buf_size < sizeof(id) ? AESM_PARAMETER : AESM_SUCCESS;
    if (r.error_code == AESM_SUCCESS) {
        aesm_key_id_ecdsa(id);
        r.has_att_key_ids = true;
        r.att_key_ids = (ProtobufCBinaryData){ sizeof(id), id };
    }
    return pack(&all, out);
}

static int64_t answer_unsupported(uint32_t error, uint8_t **out)
{
    Soft__Aesm__Response all = SOFT__AESM__RESPONSE__INIT;
    Soft__Aesm__Response__Unsupported r = SOFT__AESM__RESPONSE__UNSUPPORTED__INIT;
    all.unsupported_request = &r;
    r.error_code = error;
    return pack(&all, out);
}

int64_t soft_answer(const struct quoter *by, const uint8_t *request, size_t size,
                    uint8_t **response)
{
    *response = NULL;
    if (size > SOFT_REQUEST_MAX)
        return answer_unsupported(AESM_MSG_ERROR, response);
    Soft__Aesm__Request *q = soft__aesm__request__unpack(NULL, size, request);
    if (!q)
        return answer_unsupported(AESM_MSG_ERROR, response);
    int64_t ret;
    if (q->init_quote_ex)
        ret = answer_init(by, q->init_quote_ex, response);
    else if (q->get_quote_size_ex)
        ret = answer_size(by, q->get_quote_size_ex, response);
    else if (q->get_quote_ex)
        ret = answer_quote(by, q->get_quote_ex, response);
    else if (q->select_att_key_id)
        ret = answer_select(q->select_att_key_id, response);
    else if (q->get_supported_att_key_id_num)
        ret = answer_key_count(response);
    else if (q->get_supported_att_key_ids)
        ret = answer_key_ids(q->get_supported_att_key_ids, response);
    else
        ret = answer_unsupported(AESM_INTERFACE_UNAVAILABLE, response);
    soft__aesm__request__free_unpacked(q, NULL);
    return ret;
}
