/* Arguments by their kind in the table: mostly sensible, often at an edge, sometimes absurd. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>

#include "fuzz.h"

uint64_t value_interesting(struct slot *s)
{
    static const uint64_t edges[] = { 0,
                                      1,
                                      2,
                                      3,
                                      4,
                                      7,
                                      8,
                                      16,
                                      255,
                                      256,
                                      4095,
                                      4096,
                                      4097,
                                      0x7fff,
                                      0xffff,
                                      0x10000,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x100000000,
                                      0x7fffffffffffffff,
                                      0x8000000000000000,
                                      ~0ul,
                                      ~1ul,
                                      ~4095ul };
    switch (below(s, 8)) {
    case 0: return rnd(s);
    case 1: return 1ul << below(s, 64);
    case 2: return (uint32_t)rnd(s);
    case 3:
    case 4: return below(s, 48);
    default: return PICK(s, edges);
    }
}

uint64_t value_length(struct slot *s)
{
    static const uint64_t usual[] = { 0,  1,   2,   4,   7,   8,   12,   16,   24,   32,    48,
                                      64, 100, 128, 144, 255, 256, 1000, 4096, 4097, 16384, 65536 };
    return chance(s, 85) ? PICK(s, usual) : value_interesting(s);
}

uint64_t value_fd(struct slot *s)
{
    static const int32_t odd[] = { -1,    -100, -2,         1023,
                                   1024,  4096, 0x7fffffff, (int32_t)0x80000000,
                                   -10000 };
    if (chance(s, 5))
        return (uint64_t)(int64_t)PICK(s, odd);
    return chance(s, 90) ? 3 + below(s, 56) : below(s, 200);
}

/* Some bytes of the slab that stay within it, filled with something. */
uint64_t value_room(struct slot *s, uint64_t size)
{
    uint64_t at = (s->slab_used + 15) & ~15ul;
    if (at + size > ROOMS_SIZE)
        at = 0;
    s->slab_used = at + size;
    uint8_t *p = s->slab + at;
    switch (below(s, 4)) {
    case 0: memset(p, 0, size); break;
    case 1: memset(p, 0xff, size); break;
    default:
        for (uint64_t i = 0; i + 8 <= size; i += 8) {
            uint64_t v = value_interesting(s);
            memcpy(p + i, &v, 8);
        }
    }
    return (uint64_t)p;
}

uint64_t value_pointer(struct slot *s)
{
    unsigned which = below(s, 20);
    if (which < 13)
        return value_room(s, 512) + (chance(s, 5) ? 1 + below(s, 7) : 0);
    if (which < 15) /* begins well, ends in the guard */
        return (uint64_t)s->slab + SLAB_SIZE - below(s, 300);
    if (which < 16)
        return world_address(s, NULL);
    return world_bad_address(s);
}

/* A descriptor of the kind that the call is for: at the numbers where world.c:make_descriptors puts
 * them. */
static uint64_t a_fitting_fd(struct slot *s, const struct row *r)
{
    static const struct {
        const char *prefix;
        uint8_t first, count;
    } kinds[] = {
        { "send", 23, 12 },    { "recv", 23, 12 },     { "accept", 29, 6 },   { "bind", 29, 6 },
        { "connect", 23, 12 }, { "listen", 29, 6 },    { "getsock", 23, 12 }, { "setsock", 23, 12 },
        { "getpeer", 23, 12 }, { "shutdown", 23, 12 }, { "epoll", 35, 1 },    { "timerfd_", 38, 1 },
        { "signalfd", 39, 1 }, { "getdents", 7, 4 },   { "fchdir", 7, 4 },    { "copy_file", 3, 4 },
        { "inotify", 45, 1 },  { "pidfd_", 46, 1 },
    };
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strncmp(r->name, kinds[i].prefix, strlen(kinds[i].prefix)) && chance(s, 70))
            return kinds[i].first + below(s, kinds[i].count);
    return value_fd(s);
}

static uint64_t a_flag_word(struct slot *s)
{
    static const uint32_t usual[] = { 0, 0, 0, 1, 2, 4, 8, 0x800, 0x80000, 0x80800, 0x100, 0x1000 };
    if (chance(s, 70))
        return PICK(s, usual);
    return chance(s, 50) ? (uint32_t)(1u << below(s, 32) | 1u << below(s, 32)) : (uint32_t)rnd(s);
}

static uint64_t a_path(struct slot *s)
{
    if (chance(s, 8))
        return chance(s, 50) ? world_bad_address(s) : value_pointer(s);
    const char *path = world_path(s);
    if (chance(s, 80) || strlen(path) > 200)
        return (uint64_t)path;
    /* The name ends where the page does, or goes on behind it. */
    char *at = (char *)s->slab + SLAB_SIZE - strlen(path) - (chance(s, 70) ? 1 : 0);
    memcpy(at, path, strlen(path));
    if (at + strlen(path) < (char *)s->slab + SLAB_SIZE)
        at[strlen(path)] = 0;
    return (uint64_t)at;
}

static uint64_t a_offset(struct slot *s)
{
    static const int64_t usual[] = {
        0, 0, 1, 100, 4095, 4096, 8192, 5999, 6000, 65536, -1, 1 << 20
    };
    uint64_t far = value_interesting(s);
    /* A file on tmpfs has a table of its pages up to the last: one of terabytes would only use up
     * the machine's memory. */
    return chance(s, 92) || (far >> 36 && far >> 62 == 0) ? (uint64_t)PICK(s, usual) : far;
}

static uint64_t an_open_flag_word(struct slot *s)
{
    static const int usual[] = { O_RDONLY,
                                 O_WRONLY,
                                 O_RDWR,
                                 O_RDWR | O_CREAT,
                                 O_RDWR | O_CREAT | O_TRUNC,
                                 O_CREAT | O_EXCL | O_WRONLY,
                                 O_DIRECTORY,
                                 O_PATH,
                                 O_RDWR | O_APPEND,
                                 O_RDONLY | O_NOFOLLOW,
                                 O_TMPFILE | O_RDWR,
                                 O_RDWR | O_NONBLOCK };
    if (chance(s, 90))
        return (uint64_t)PICK(s, usual) | (chance(s, 40) ? O_NONBLOCK : 0) |
               (chance(s, 10) ? O_CLOEXEC : 0);
    return (uint32_t)rnd(s);
}

static uint64_t a_process(struct slot *s)
{
    static const int32_t odd[] = { 0, 0, 1, -1, 99999, (int32_t)0x80000000, 0x7fffffff };
    if (chance(s, 30))
        return (uint64_t)(int64_t)PICK(s, odd);
    return (uint64_t)(chance(s, 50) ? g_pid : g_slots[below(s, SLOTS)].tid);
}

static uint64_t a_command(struct slot *s)
{
    static const uint32_t fcntl_or_ioctl[] = {
        0,          1,          2,      3,          4,         5,          6,          7,
        8,          9,          10,     11,         15,        16,         36,         37,
        38,         1024,       1025,   1026,       1030,      1031,       1032,       1033,
        1034,       1036,       0x5401, 0x5402,     0x5403,    0x540b,     0x540f,     0x5410,
        0x5411,     0x5413,     0x5414, 0x541b,     0x5421,    0x5450,     0x5451,     0x5452,
        0x5460,     0x8901,     0x8902, 0x8903,     0x8904,    0x8906,     0x8910,     0x8912,
        0x8913,     0x8915,     0x891b, 0x8927,     0x8933,    0x80045430, 0x40045431, 0x5480,
        0x80086601, 0xc0185879, 0x1260, 0x80081272, 0x40049409
    };
    return chance(s, 90) ? PICK(s, fcntl_or_ioctl) : (uint32_t)rnd(s);
}

static uint64_t a_number(struct slot *s, const char *name)
{
    if (!strcmp(name, "command"))
        return a_command(s);
    if (!strcmp(name, "timeout"))
        return (uint64_t)(int64_t)(chance(s, 80)   ? (int64_t)below(s, 3)
                                   : chance(s, 50) ? -1
                                                   : (int32_t)rnd(s));
    if (strstr(name, "flags"))
        return a_flag_word(s);
    if (!strcmp(name, "domain"))
        return chance(s, 90) ? PICK(s, ((uint8_t[]){ 1, 2, 10, 16 })) : below(s, 46);
    if (!strcmp(name, "type"))
        return PICK(s, ((uint8_t[]){ 1, 1, 2, 2, 3, 5, 7 })) | (chance(s, 50) ? 0x800 : 0) |
               (chance(s, 10) ? 0x80000 : 0);
    if (!strcmp(name, "protocol"))
        return chance(s, 85) ? 0 : PICK(s, ((uint8_t[]){ 1, 6, 17, 41, 255 }));
    if (!strcmp(name, "level"))
        return PICK(s, ((uint16_t[]){ 1, 1, 0, 6, 17, 41, 270, 58 }));
    if (!strcmp(name, "size") || !strcmp(name, "address_size") || !strcmp(name, "count"))
        return value_length(s);
    if (!strcmp(name, "mask_size"))
        return chance(s, 90) ? 8 : value_length(s);
    return chance(s, 75) ? below(s, 24) : value_interesting(s);
}

static uint64_t an_owner(struct slot *s, const struct row *r)
{
    bool gives_up = !strncmp(r->name, "set", 3);
    if (gives_up && !(g_drop && chance(s, 5)))
        return chance(s, 50) ? 0 : ~0ul;
    return PICK(s, ((uint32_t[]){ 0, 0, 1000, 65534, ~0u, 12345 }));
}

uint64_t value_of(struct slot *s, const struct row *r, unsigned argument)
{
    uint64_t value;
    const char *name = r->arg[argument];
    if (r->kind[argument] == K_uid)
        return an_owner(s, r);
    if (chance(s, 2)) {
        value = value_interesting(s);
        /* A number of 32 bits may be an address of ours: in soft all memory is there. */
        bool pointer = r->kind[argument] >= K_addr && r->kind[argument] <= K_str;
        return pointer && world_is_protected(value, 1) ? 0 : value;
    }
    if (struct_of(s, r, argument, &value))
        return value;
    if (!strncmp(r->name, "shm", 3) && !strcmp(name, "id") && chance(s, 60))
        return world_segment();
    switch (r->kind[argument]) {
    case K_fd: return a_fitting_fd(s, r);
    case K_dirfd: return chance(s, 60) ? (uint64_t)-100 : value_fd(s);
    case K_addr: return chance(s, 85) ? world_address(s, NULL) : value_pointer(s);
    case K_in:
    case K_out: return value_pointer(s);
    case K_path: return a_path(s);
    case K_str: return chance(s, 10) ? value_pointer(s) : (uint64_t)world_name(s);
    case K_len: return !strcmp(name, "sigsetsize") && chance(s, 90) ? 8 : value_length(s);
    case K_off: return a_offset(s);
    case K_prot: return chance(s, 90) ? below(s, 8) : value_interesting(s);
    case K_map:
        return (PICK(s, ((uint8_t[]){ 1, 2, 3 })) | (chance(s, 80) ? 0x20 : 0) |
                (chance(s, 50) ? 0x10 : 0)) |
               (chance(s, 10) ? a_flag_word(s) : 0);
    case K_oflags: return an_open_flag_word(s);
    case K_mode: return chance(s, 70) ? 0755 : rnd(s) & 0177777;
    case K_sig: return chance(s, 85) ? below(s, 66) : value_interesting(s);
    case K_pid: return a_process(s);
    case K_clock: return chance(s, 80) ? below(s, 13) : value_interesting(s);
    case K_atflags:
        return PICK(s, ((uint32_t[]){ 0, 0, 0x100, 0x200, 0x400, 0x1000, 0x2000, 0x800 })) |
               (chance(s, 5) ? a_flag_word(s) : 0);
    default: return a_number(s, name);
    }
}
