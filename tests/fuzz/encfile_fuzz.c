/*
 * Fuzz opening, reading and changing encrypted files. The first byte of the input chooses: arbitrary
 * bytes as the file; a good file with mutations; a half-written file with arbitrary bytes as its
 * recovery file. Without the key nobody can make content that is accepted, so what is read must be
 * what was written, or an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/encfile/encfile.h"

#define SIZE  (3072 + 4096 * 97 + 100) /* two MHT nodes */
#define NODES (1 + 98 + 2)

struct bytes {
    uint8_t data[(NODES + 60) * 4096];
    size_t size;
};

static const uint8_t key[ENCFILE_KEY_SIZE] = "fuzz fuzz fuzz!";
static struct bytes g_good, g_file, g_recovery;
static uint8_t g_plain[SIZE], g_got[SIZE + 200000];

static int64_t bytes_read(void *file, uint64_t offset, void *buf, size_t size)
{
    struct bytes *b = file;
    if (offset >= b->size)
        return 0;
    size = size < b->size - offset ? size : b->size - offset;
    memcpy(buf, b->data + offset, size);
    return (int64_t)size;
}

static int bytes_truncate(void *file, uint64_t size)
{
    struct bytes *b = file;
    if (size > sizeof(b->data))
        return -ENOSPC;
    if (size > b->size)
        memset(b->data + b->size, 0, size - b->size);
    b->size = size;
    return 0;
}

static int64_t bytes_write(void *file, uint64_t offset, const void *buf, size_t size)
{
    struct bytes *b = file;
    if (offset > sizeof(b->data) || size > sizeof(b->data) - offset)
        return -ENOSPC;
    if (offset + size > b->size)
        bytes_truncate(b, offset + size);
    memcpy(b->data + offset, buf, size);
    return (int64_t)size;
}

static int bytes_sync(void *file)
{
    return 0;
}

static int64_t bytes_size(void *file)
{
    return (int64_t)((struct bytes *)file)->size;
}

/* Repeatable; keys need not be secret here. */
static int fuzz_random(void *buf, size_t size)
{
    static uint32_t state = 1;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    return 0;
}

static const struct encfile_io io = { bytes_read, bytes_write, bytes_truncate, bytes_sync, bytes_size };
static const struct encfile_env env = { malloc, free, fuzz_random };

static int open_file(struct bytes *file, void *recovery, unsigned flags, struct encfile **f)
{
    struct encfile_params params = { .env = &env, .io = &io, .file = file, .recovery = recovery,
                                     .key = key, .path = "a", .flags = flags };
    return encfile_open(&params, f, NULL);
}

static void make_good_file(void)
{
    struct encfile *f;
    for (size_t i = 0; i < SIZE; i++)
        g_plain[i] = (uint8_t)(i * 31 + (i >> 8));
    if (open_file(&g_good, NULL, ENCFILE_CREATE, &f) || encfile_write(f, 0, g_plain, SIZE) != SIZE ||
        encfile_close(f))
        abort();
}

static void read_and_change(struct encfile *f)
{
    /* Any size but the written one could only come from forged metadata. */
    if (encfile_size(f) != SIZE)
        abort();
    for (size_t at = 0; at < SIZE; at += 9000) {
        int64_t n = encfile_read(f, at, g_got, 9000);
        if (n > 0 && memcmp(g_got, g_plain + at, (size_t)n) != 0)
            abort();
    }
    encfile_write(f, 5000, "change", 6);
    encfile_write(f, SIZE + 100000, "grow", 4);
    encfile_rename(f, "b");
    encfile_set_size(f, 300000);
    encfile_set_size(f, 2000);
    encfile_sync(f);
    encfile_status_text(encfile_status(f));
}

/* Four bytes a mutation: where (three bytes), what; the last piece may cut the file. */
static void mutate(struct bytes *b, const uint8_t *data, size_t size)
{
    for (; size >= 4; data += 4, size -= 4) {
        size_t at = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
        b->data[at % b->size] ^= data[3];
    }
    if (size >= 2)
        b->size = (size_t)(data[0] | data[1] << 8) * 64 % (b->size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct encfile *f;
    void *recovery = NULL;
    if (!g_good.size)
        make_good_file();
    if (size < 2)
        return 0;
    uint8_t mode = data[0] % 3;
    unsigned flags = ENCFILE_WRITABLE | (data[1] & 1 ? ENCFILE_IGNORE_PENDING : 0);
    data += 2;
    size -= 2;
    g_file.size = g_recovery.size = 0;
    if (mode == 0) {
        bytes_write(&g_file, 0, data, size < sizeof(g_file.data) ? size : sizeof(g_file.data));
    } else {
        bytes_write(&g_file, 0, g_good.data, g_good.size);
        if (mode == 1) {
            mutate(&g_file, data, size);
        } else {
            g_file.data[58] |= 1;
            bytes_write(&g_recovery, 0, data, size < sizeof(g_recovery.data) ? size : sizeof(g_recovery.data));
        }
        recovery = data[-1] & 2 || mode == 2 ? &g_recovery : NULL;
    }
    if (open_file(&g_file, recovery, flags, &f) == 0) {
        read_and_change(f);
        encfile_close(f);
    }
    return 0;
}
