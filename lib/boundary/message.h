#ifndef LIB_BOUNDARY_MESSAGE_H
#define LIB_BOUNDARY_MESSAGE_H

/*
 * sendmsg and recvmsg across the wall: one buffer, and this struct for what struct msghdr points
 * to. Control messages are bytes as Linux lays them out; the enclave believes none of them
 * unchecked (libos/net/inet_control.c).
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/linux/socket.h"

#define HOST_CONTROL_MAX                                                                           \
    1024 /* more than all that a host socket is ever asked to tell about one datagram */

struct host_message {
    uint32_t name_size;    /* sendmsg: 0: nowhere named; recvmsg: as the host says */
    uint32_t control_size; /* as above */
    uint32_t flags;        /* recvmsg: MSG_* of the answer */
    uint32_t pad;
    struct linux_sockaddr name;
    uint8_t control[HOST_CONTROL_MAX];
};
static_assert(sizeof(struct host_message) == 1168, "hostcall.def");

/* The host's side (host/serve.c, enclave/direct): the msghdr that Linux is given. iov: two words.
 */
static inline void host_message_open(struct host_message *m, bool sending, uint64_t buf,
                                     uint64_t size, struct linux_msghdr *h, uint64_t iov[2])
{
    uint32_t name = m->name_size < sizeof(m->name) ? m->name_size : (uint32_t)sizeof(m->name);
    uint32_t control = m->control_size < sizeof(m->control) ? m->control_size
                                                            : (uint32_t)sizeof(m->control);
    iov[0] = buf;
    iov[1] = size;
    *h = (struct linux_msghdr){
        .name = sending && !name ? 0 : (uintptr_t)&m->name,
        .name_length = (int32_t)(sending ? name : sizeof(m->name)),
        .iov = (uintptr_t)iov,
        .iov_count = 1,
        .control = sending && !control ? 0 : (uintptr_t)m->control,
        .control_length = sending ? control : sizeof(m->control),
    };
}

static inline void host_message_close(struct host_message *m, const struct linux_msghdr *h)
{
    m->name_size = (uint32_t)h->name_length;
    m->control_size = (uint32_t)h->control_length;
    m->flags = h->flags;
    m->pad = 0;
}

#endif
