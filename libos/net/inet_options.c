/*
 * Options of Internet sockets: one table says which are passed to the host, and how large their
 * values are. An option that is not here is -ENOPROTOOPT, whatever the host would say.
 */
#include "libos/net/inet.h"

#include "enclave/gate.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"

enum { GET = 1, SET = 2, BOTH = 3 };

struct option {
    int16_t level, name;
    uint8_t how;
    uint16_t size; /* exact size from the host; least size from the program */
    uint16_t most; /* largest that is passed; 0: = size */
};

/* clang-format off */
static const struct option options[] = {
    { SOL_SOCKET, SO_DEBUG,      BOTH, 4, 0 },
    { SOL_SOCKET, SO_REUSEADDR,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_ERROR,      GET,  4, 0 },
    { SOL_SOCKET, SO_DONTROUTE,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_BROADCAST,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_SNDBUF,     BOTH, 4, 0 },
    { SOL_SOCKET, SO_RCVBUF,     BOTH, 4, 0 },
    { SOL_SOCKET, SO_KEEPALIVE,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_OOBINLINE,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_PRIORITY,   BOTH, 4, 0 },
    { SOL_SOCKET, SO_LINGER,     BOTH, 8, 0 },
    { SOL_SOCKET, SO_REUSEPORT,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_RCVLOWAT,   BOTH, 4, 0 },
    { SOL_SOCKET, SO_SNDLOWAT,   GET,  4, 0 },
    { SOL_SOCKET, SO_ACCEPTCONN, GET,  4, 0 },
    { SOL_SOCKET, SO_TIMESTAMP,  BOTH, 4, 0 },
    { SOL_SOCKET, SO_TIMESTAMPNS, BOTH, 4, 0 },
    { SOL_SOCKET, SO_RXQ_OVFL,   BOTH, 4, 0 },
    { SOL_SOCKET, SO_PEEK_OFF,   BOTH, 4, 0 },
    { SOL_SOCKET, SO_INCOMING_CPU, BOTH, 4, 0 },
    { SOL_SOCKET, SO_TIMESTAMP_NEW,   BOTH, 4, 0 },
    { SOL_SOCKET, SO_TIMESTAMPNS_NEW, BOTH, 4, 0 },
    { IPPROTO_IP, IP_TOS,             BOTH, 4, 0 },
    { IPPROTO_IP, IP_TTL,             BOTH, 4, 0 },
    { IPPROTO_IP, IP_MTU_DISCOVER,    BOTH, 4, 0 },
    { IPPROTO_IP, IP_MTU,             GET,  4, 0 },
    { IPPROTO_IP, IP_RECVERR,         BOTH, 4, 0 },
    { IPPROTO_IP, IP_PKTINFO,         BOTH, 4, 0 },
    { IPPROTO_IP, IP_RECVTTL,         BOTH, 4, 0 },
    { IPPROTO_IP, IP_RECVTOS,         BOTH, 4, 0 },
    { IPPROTO_IP, IP_RECVORIGDSTADDR, BOTH, 4, 0 },
    { IPPROTO_IP, IP_MULTICAST_ALL,   BOTH, 4, 0 },
    { IPPROTO_IP, IP_FREEBIND,        BOTH, 4, 0 },
    { IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, BOTH, 4, 0 },
    { IPPROTO_IP, IP_MULTICAST_IF,    SET,  4, 12 },
    { IPPROTO_IP, IP_MULTICAST_TTL,   BOTH, 4, 0 },
    { IPPROTO_IP, IP_MULTICAST_LOOP,  BOTH, 4, 0 },
    { IPPROTO_IP, IP_ADD_MEMBERSHIP,  SET,  8, 12 },
    { IPPROTO_IP, IP_DROP_MEMBERSHIP, SET,  8, 12 },
    { IPPROTO_IPV6, IPV6_UNICAST_HOPS,    BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_MULTICAST_IF,    BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_MULTICAST_HOPS,  BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_MULTICAST_LOOP,  BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP,  SET,  20, 0 },
    { IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, SET,  20, 0 },
    { IPPROTO_IPV6, IPV6_MTU_DISCOVER,    BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_RECVERR,         BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_MTU,             BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_RECVPKTINFO,     BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_PKTINFO,         SET, 20, 0 },
    { IPPROTO_IPV6, IPV6_RECVHOPLIMIT,    BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_DONTFRAG,        BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_RECVTCLASS,      BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_V6ONLY,          BOTH, 4, 0 },
    { IPPROTO_IPV6, IPV6_TCLASS,          BOTH, 4, 0 },
    { IPPROTO_UDP, UDP_CORK,         BOTH, 4, 0 },
    { IPPROTO_UDP, UDP_SEGMENT,      BOTH, 4, 0 },
    { IPPROTO_UDP, UDP_GRO,          BOTH, 4, 0 },
    { AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE,     BOTH, 8, 0 },
    { AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE, BOTH, 8, 0 },
    { AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, BOTH, 8, 0 },
    { AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, BOTH, 16, 0 },
    { IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, BOTH, 4, 0 },
    { IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_NODELAY,      BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_MAXSEG,       BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_CORK,         BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_KEEPIDLE,     BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_KEEPINTVL,    BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_KEEPCNT,      BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_SYNCNT,       BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_LINGER2,      BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_DEFER_ACCEPT, BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_WINDOW_CLAMP, BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_INFO,         GET,  0, OPTION_MAX },
    { IPPROTO_TCP, TCP_QUICKACK,     BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_CONGESTION,   BOTH, 1, 16 },
    { IPPROTO_TCP, TCP_USER_TIMEOUT, BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_FASTOPEN,     BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_NOTSENT_LOWAT, BOTH, 4, 0 },
    { IPPROTO_TCP, TCP_FASTOPEN_CONNECT, BOTH, 4, 0 },
};
/* clang-format on */

static const struct option *find(int level, int name, uint8_t how)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++)
        if (options[i].level == level && options[i].name == name)
            return options[i].how & how ? &options[i] : NULL;
    return NULL;
}

int inet_set_option(int host_fd, int level, int name, const void *value, uint32_t size)
{
    const struct option *o = find(level, name, SET);
    uint8_t copy[OPTION_MAX];
    if (!o)
        return -ENOPROTOOPT;
    uint32_t most = o->most ? o->most : o->size;
    if (level == IPPROTO_IP && size == 1 &&
        (name == IP_TOS || name == IP_TTL || name == IP_MULTICAST_TTL ||
         name == IP_MULTICAST_LOOP)) {
        int32_t wide = *(const uint8_t *)value; /* the one level that takes a byte for an int */
        memcpy(copy, &wide, sizeof(wide));
        size = sizeof(wide);
    } else {
        if (size < o->size)
            return -EINVAL;
        size = MIN(size, most);
        memcpy(copy, value, size);
    }
    return (int)host_call(setsockopt, (uint64_t)host_fd, (uint64_t)level, (uint64_t)name, PTR(copy),
                          size);
}

int inet_get_option(int host_fd, int level, int name, void *value, uint32_t *size)
{
    const struct option *o = find(level, name, GET);
    if (!o)
        return -ENOPROTOOPT;
    uint32_t most = o->most ? o->most : o->size, got = most;
    int r = (int)host_call(getsockopt, (uint64_t)host_fd, (uint64_t)level, (uint64_t)name,
                           PTR(value), PTR(&got));
    if (r < 0)
        return r;
    /* host may lie about the size: it must be the option's */
    if (got > most || got < o->size)
        return -EIO;
    *size = got;
    if (level == SOL_SOCKET && name == SO_ERROR) {
        int32_t error;
        memcpy(&error, value, sizeof(error));
        if (error < 0 || error > 133)
            return -EIO;
    }
    return 0;
}
