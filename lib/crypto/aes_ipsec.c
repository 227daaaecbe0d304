/*
 * Trusted back end of AES-128-GCM and AES-128-CMAC: IPsec-MB's assembly (AES-NI, PCLMULQDQ, VAES), all
 * of it constant time. Each entry saves the program's vector registers and gives them back.
 */
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/crypto/ipsec_choice.h"
#include "lib/crypto/vector.h"
#include "lib/linux/errno.h"

/* SP 800-38D: 2^39 - 256 bits. The routines silently do nothing beyond it. */
#define GCM_MAX ((UINT64_C(1) << 36) - 32)

struct gcm_work {
    struct ipsec_gcm_key key;
    struct ipsec_gcm_context context;
    struct vector_area vectors;
};

/* The routines refuse NULL even for nothing. */
static const void *some(const void *p)
{
    static const uint8_t nothing[1];
    return p ? p : nothing;
}

static void gcm_work_wipe(struct gcm_work *w)
{
    bytes_wipe(&w->key, sizeof(w->key));
    bytes_wipe(&w->context, sizeof(w->context));
}

void aes128_gcm_seal(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                     const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                     uint8_t tag[GCM_TAG_SIZE])
{
    const struct ipsec_gcm *gcm = &g_ipsec.gcm;
    struct gcm_work w;
    uint8_t sink[1];

    assert(size <= GCM_MAX);
    vector_save(&w.vectors);
    aes_keyexp_128_enc_sse(key, w.key.round_keys);
    gcm->precomp(&w.key);
    gcm->seal(&w.key, &w.context, size ? out : sink, some(in), size, iv, some(aad), aad_size, tag,
              GCM_TAG_SIZE);
    vector_restore(&w.vectors);
    gcm_work_wipe(&w);
}

int aes128_gcm_open(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                    const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                    const uint8_t tag[GCM_TAG_SIZE])
{
    const struct ipsec_gcm *gcm = &g_ipsec.gcm;
    struct gcm_work w;
    uint8_t sink[1], computed[GCM_TAG_SIZE];

    assert(size <= GCM_MAX);
    vector_save(&w.vectors);
    aes_keyexp_128_enc_sse(key, w.key.round_keys);
    gcm->precomp(&w.key);
    gcm->open(&w.key, &w.context, size ? out : sink, some(in), size, iv, some(aad), aad_size,
              computed, GCM_TAG_SIZE);
    vector_restore(&w.vectors);
    gcm_work_wipe(&w);

    bool same = bytes_equal_ct(computed, tag, GCM_TAG_SIZE);
    bytes_wipe(computed, sizeof(computed));
    if (!same && size)
        bytes_wipe(out, size); /* unauthenticated plaintext must not be used by mistake */
    return same ? 0 : -EBADMSG;
}

/* Multiply by x in GF(2^128), without a branch on the secret's top bit (RFC 4493 §2.3). */
static void cmac_double(uint8_t block[16])
{
    uint8_t carry = 0;
    uint8_t reduce = (uint8_t)(0 - (block[0] >> 7)) & 0x87;
    for (int i = 15; i >= 0; i--) {
        uint8_t next = block[i] >> 7;
        block[i] = (uint8_t)(block[i] << 1 | carry);
        carry = next;
    }
    block[15] ^= reduce;
}

struct cmac_work {
    _Alignas(64) uint8_t round_keys[11][16];
    uint8_t state[16], last[16], subkey[16];
    struct vector_area vectors;
};

static void cmac_absorb(struct cmac_work *w, const uint8_t block[16])
{
    for (size_t i = 0; i < 16; i++)
        w->state[i] ^= block[i];
    aes_ecb_enc_128_by4_sse(w->state, w->round_keys, w->state, 16);
}

void aes128_cmac(const uint8_t key[AES128_KEY_SIZE], const void *data, size_t size, uint8_t mac[16])
{
    const uint8_t *p = data;
    struct cmac_work w = { .state = { 0 } };

    vector_save(&w.vectors);
    aes_keyexp_128_enc_sse(key, w.round_keys);
    aes_ecb_enc_128_by4_sse(w.subkey, w.round_keys, w.subkey, 16);
    for (; size > 16; size -= 16, p += 16)
        cmac_absorb(&w, p);
    if (size)
        memcpy(w.last, p, size);
    cmac_double(w.subkey);
    if (size < 16) {
        w.last[size] = 0x80;
        cmac_double(w.subkey);
    }
    for (size_t i = 0; i < 16; i++)
        w.last[i] ^= w.subkey[i];
    cmac_absorb(&w, w.last);
    memcpy(mac, w.state, 16);
    vector_restore(&w.vectors);
    bytes_wipe(&w, offsetof(struct cmac_work, vectors));
}
