/*
 * Trusted back end of SHA-256: IPsec-MB's SHA-NI, AVX2 or SSE assembly. Each entry that runs
 * it saves the program's vector registers and gives them back.
 */
#include "lib/crypto/sha256.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/crypto/ipsec_choice.h"
#include "lib/crypto/vector.h"

#define BLOCK 64

struct state {
    uint32_t h[8];
    uint64_t total; /* bytes so far; total % 64 of them wait in `buffer` */
    uint8_t buffer[BLOCK];
};

static_assert(sizeof(struct state) <= sizeof(struct sha256), "state fits the opaque context");

static const uint32_t initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

static void compress_inner(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    if (g_ipsec.sha_ni) {
        struct ipsec_sha256_lanes lanes;
        memcpy(lanes.words, h, 32);
        lanes.data[0] = data;
        call_sha256_ni_x1_sse_from_c(&lanes, blocks, 0);
        memcpy(h, lanes.words, 32);
        return;
    }
    for (size_t i = 0; i < blocks; i++)
        sha256_block_sse(data + i * BLOCK, h);
}

static void compress(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    struct vector_area vectors;
    vector_save(&vectors);
    compress_inner(h, data, blocks);
    vector_restore(&vectors);
}

void sha256_init(struct sha256 *ctx)
{
    struct state *s = (struct state *)ctx;
    memcpy(s->h, initial, sizeof(initial));
    s->total = 0;
}

void sha256_update(struct sha256 *ctx, const void *data, size_t size)
{
    struct state *s = (struct state *)ctx;
    const uint8_t *p = data;
    size_t have = s->total % BLOCK;

    if (!size)
        return;
    s->total += size;
    if (have) {
        size_t n = MIN(size, BLOCK - have);
        memcpy(s->buffer + have, p, n);
        p += n;
        size -= n;
        if (have + n < BLOCK)
            return;
        compress(s->h, s->buffer, 1);
    }
    if (size >= BLOCK) {
        compress(s->h, p, size / BLOCK);
        p += size & ~(size_t)(BLOCK - 1);
        size %= BLOCK;
    }
    memcpy(s->buffer, p, size);
}

/* Padding after `have` bytes of the last block: 0x80, zeros, length in bits. One or two blocks. */
static size_t pad(uint8_t blocks[2 * BLOCK], size_t have, uint64_t total)
{
    size_t end = have < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    memset(blocks + have, 0, end - have);
    blocks[have] = 0x80;
    store_be32(blocks + end - 8, (uint32_t)(total >> 29));
    store_be32(blocks + end - 4, (uint32_t)(total << 3));
    return end / BLOCK;
}

static void put_digest(uint8_t out[SHA256_SIZE], const uint32_t *words, size_t stride)
{
    for (size_t i = 0; i < 8; i++)
        store_be32(out + 4 * i, words[i * stride]);
}

void sha256_final(struct sha256 *ctx, uint8_t out[SHA256_SIZE])
{
    struct state *s = (struct state *)ctx;
    uint8_t last[2 * BLOCK];
    size_t have = s->total % BLOCK;

    memcpy(last, s->buffer, have);
    compress(s->h, last, pad(last, have, s->total));
    put_digest(out, s->h, 1);
    bytes_wipe(last, sizeof(last));
    bytes_wipe(s, sizeof(*s));
}

void sha256_digest(const void *data, size_t size, uint8_t out[SHA256_SIZE])
{
    struct sha256 ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, data, size);
    sha256_final(&ctx, out);
}

static void lanes_start(struct ipsec_sha256_lanes *l)
{
    for (size_t lane = 0; lane < IPSEC_LANES; lane++)
        for (size_t i = 0; i < 8; i++)
            l->words[g_ipsec.multi_by_row ? lane * 8 + i : i * IPSEC_LANES + lane] = initial[i];
}

static void lanes_finish(const struct ipsec_sha256_lanes *l, uint32_t lane,
                         uint8_t out[SHA256_SIZE])
{
    if (g_ipsec.multi_by_row)
        put_digest(out, l->words + lane * 8, 1);
    else
        put_digest(out, l->words + lane, IPSEC_LANES);
}

/*
 * Up to multi_lanes messages of the same size, a multiple of 64. A lane without a message of its own
 * repeats the last one.
 */
static void hash_group(const uint8_t *data, size_t size, size_t count, const uint8_t *padding,
                       uint8_t (*out)[SHA256_SIZE])
{
    struct ipsec_sha256_lanes l;

    lanes_start(&l);
    for (size_t lane = 0; lane < IPSEC_LANES; lane++)
        l.data[lane] = data + MIN(lane, count - 1) * size;
    if (size)
        g_ipsec.sha256_multi(&l, size / BLOCK);
    for (size_t lane = 0; lane < IPSEC_LANES; lane++)
        l.data[lane] = padding;
    g_ipsec.sha256_multi(&l, 1);
    for (uint32_t lane = 0; lane < count; lane++)
        lanes_finish(&l, lane, out[lane]);
}

void sha256_blocks(const void *data, size_t block_size, size_t count, uint8_t (*out)[SHA256_SIZE])
{
    const uint8_t *p = data;
    uint8_t padding[2 * BLOCK];
    struct vector_area vectors;
    size_t lanes = g_ipsec.multi_lanes;

    /* With fewer messages than a quarter of the lanes the single-message code is as fast. */
    if (block_size % BLOCK == 0 && lanes && count * 4 > lanes) {
        pad(padding, 0, block_size);
        vector_save(&vectors);
        while (count * 4 > lanes) {
            size_t n = MIN(count, lanes);
            hash_group(p, block_size, n, padding, out);
            p += n * block_size;
            out += n;
            count -= n;
        }
        vector_restore(&vectors);
    }
    for (; count; count--, p += block_size, out++)
        sha256_digest(p, block_size, *out);
}
