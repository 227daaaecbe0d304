/* A host's file in memory; see encfile_memory.h. */
#include "encfile_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const uint8_t test_key[ENCFILE_KEY_SIZE] = { 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88,
                                             0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00 };

static int64_t memory_read(void *file, uint64_t offset, void *buf, size_t size)
{
    struct memory_file *m = file;
    m->reads++;
    if (offset >= m->size)
        return 0;
    if (size > m->size - offset)
        size = m->size - offset;
    if (size)
        memcpy(buf, m->data + offset, size);
    return (int64_t)size;
}

static void memory_resize(struct memory_file *m, size_t size)
{
    if (size > m->room) {
        m->room = size * 2;
        m->data = realloc(m->data, m->room);
    }
    if (size > m->size)
        memset(m->data + m->size, 0, size - m->size);
    m->size = size;
}

static bool memory_faults(struct memory_file *m)
{
    if (m->frozen)
        abort();
    m->writes++;
    return m->budget && (*m->budget)-- <= 0;
}

static int64_t memory_write(void *file, uint64_t offset, const void *buf, size_t size)
{
    struct memory_file *m = file;
    if (memory_faults(m)) {
        size_t part = *m->budget == -1 && m->torn ? size / 2 : 0;
        /* In place, pages are written wholly or not at all. */
        if (offset + size <= m->size)
            part = part / 4096 * 4096;
        if (part == 0)
            return m->error;
        size = part; /* a short write; the next one fails */
    }
    if (offset + size > m->size)
        memory_resize(m, offset + size);
    memcpy(m->data + offset, buf, size);
    return (int64_t)size;
}

static int memory_truncate(void *file, uint64_t size)
{
    struct memory_file *m = file;
    if (memory_faults(m))
        return m->error;
    memory_resize(m, size);
    return 0;
}

static int memory_sync(void *file)
{
    return 0;
}

static int64_t memory_size(void *file)
{
    return (int64_t)((struct memory_file *)file)->size;
}

const struct encfile_io memory_io = { memory_read, memory_write, memory_truncate, memory_sync,
                                      memory_size };

static int memory_random(void *buf, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = getrandom((char *)buf + done, size - done, 0);
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return 0;
}

const struct encfile_env memory_env = { malloc, free, memory_random };

void memory_load(struct memory_file *m, const char *path)
{
    memset(m, 0, sizeof(*m));
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        abort();
    }
    fseek(f, 0, SEEK_END);
    memory_resize(m, (size_t)ftell(f));
    rewind(f);
    if (m->size && fread(m->data, 1, m->size, f) != m->size)
        abort();
    fclose(f);
}

void memory_copy(struct memory_file *to, const struct memory_file *from)
{
    memset(to, 0, sizeof(*to));
    memory_resize(to, from->size);
    if (from->size)
        memcpy(to->data, from->data, from->size);
}

void memory_free(struct memory_file *m)
{
    free(m->data);
    memset(m, 0, sizeof(*m));
}

void fill_pattern(uint8_t *buf, uint64_t offset, size_t size)
{
    for (size_t k = 0; k < size; k++) {
        uint64_t i = offset + k;
        buf[k] = (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16) * 31 + 7);
    }
}

int memory_open(struct memory_file *m, struct memory_file *recovery, const char *path,
                unsigned flags, struct encfile **out, enum encfile_status *status)
{
    struct encfile_params params = { .env = &memory_env, .io = &memory_io, .file = m,
                                     .recovery = recovery, .key = test_key, .path = path,
                                     .flags = flags };
    return encfile_open(&params, out, status);
}

uint32_t test_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
