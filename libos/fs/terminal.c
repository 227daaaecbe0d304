/*
 * Terminal ioctls. Every request's direction and size stand in a table, because what crosses the gate
 * must have a known shape; an unknown request is -ENOTTY, never passed on. Process groups are ours: the
 * host's terminal knows nothing of them, so the foreground group is kept here.
 */
#include "libos/fs/terminal.h"

#include "enclave/gate.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"

enum { OUT = 1, IN = 2 };

static const struct {
    uint32_t command;
    uint8_t direction, size;
} requests[] = {
    { 0x5401, OUT, 36 }, /* TCGETS */
    { 0x5402, IN, 36 },  /* TCSETS */
    { 0x5403, IN, 36 },  /* TCSETSW */
    { 0x5404, IN, 36 },  /* TCSETSF */
    { 0x5413, OUT, 8 },  /* TIOCGWINSZ */
    { 0x5414, IN, 8 },   /* TIOCSWINSZ */
    { 0x541b, OUT, 4 },  /* FIONREAD */
    { 0x5411, OUT, 4 },  /* TIOCOUTQ */
    { 0x802c542a, OUT, 44 }, /* TCGETS2 */
    { 0x402c542b, IN, 44 },  /* TCSETS2 */
    { 0x402c542c, IN, 44 },  /* TCSETSW2 */
    { 0x402c542d, IN, 44 },  /* TCSETSF2 */
};

#define TIOCGPGRP 0x540fu
#define TIOCSPGRP 0x5410u
#define TIOCGSID  0x5429u
#define TCGETS    0x5401u

static int32_t g_foreground; /* atomic: process group set by TIOCSPGRP; 0: none yet */

static int64_t host_ioctl(int host_fd, uint32_t command, uint8_t data[64])
{
    int64_t r = host_call(ioctl, (uint64_t)host_fd, command, PTR(data));
    return r > 0 ? 0 : r;
}

static int64_t group_ioctl(int host_fd, uint32_t command, uint64_t arg)
{
    uint8_t data[64] = { 0 };
    int64_t r = host_ioctl(host_fd, TCGETS, data); /* is it a terminal at all? */
    if (r < 0)
        return -ENOTTY;
    struct process *p = current()->process;
    int32_t value = command == TIOCGSID ? p->sid : __atomic_load_n(&g_foreground, __ATOMIC_RELAXED);
    if (command != TIOCSPGRP) {
        value = value ? value : p->pgid;
        return user_write(arg, &value, sizeof(value));
    }
    r = user_read(&value, arg, sizeof(value));
    if (r == 0 && value <= 0)
        r = -EINVAL;
    if (r == 0)
        __atomic_store_n(&g_foreground, value, __ATOMIC_RELAXED);
    return r;
}

int64_t terminal_ioctl(int host_fd, uint32_t command, uint64_t arg)
{
    uint8_t data[64] = { 0 };
    if (command == TIOCGPGRP || command == TIOCSPGRP || command == TIOCGSID)
        return group_ioctl(host_fd, command, arg);
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        if (requests[i].command != command)
            continue;
        int64_t r = requests[i].direction == IN ? user_read(data, arg, requests[i].size) : 0;
        if (r == 0)
            r = host_ioctl(host_fd, command, data);
        /* host may count less than nothing; a program would allocate that much */
        if (r == 0 && requests[i].direction == OUT && requests[i].size == 4 && data[3] & 0x80)
            r = -EIO;
        if (r == 0 && requests[i].direction == OUT)
            r = user_write(arg, data, requests[i].size);
        return r;
    }
    return -ENOTTY;
}
