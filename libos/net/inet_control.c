/*
 * Control messages that the host tells with a datagram: RFC 3542 and its IPv4 likes, timestamps,
 * ICMP errors. The host wrote every byte. One table says which exist, of what size, and which
 * option asks for them; one that was never asked for, has another size or an impossible value is
 * -EIO.
 */
#include "libos/net/inet.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/boundary/message.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"

#define CMSG_NEXT(n) ALIGN_UP((n), UINT64_C(8))
#define ERRNO_MAX    133

enum check { OCTET, INDEX_FIRST, INDEX_LAST, TIME_US, TIME_NS, COUNTER, ADDRESS, ICMP_ERROR };

struct kind {
    int16_t level, type, option; /* option: of the same level, asks for it */
    uint8_t size;
    uint8_t check; /* enum check */
};

/* clang-format off */
static const struct kind kinds[] = {
    { SOL_SOCKET,   SO_TIMESTAMP,      SO_TIMESTAMP,         16, TIME_US },
    { SOL_SOCKET,   SO_TIMESTAMPNS,    SO_TIMESTAMPNS,       16, TIME_NS },
    { SOL_SOCKET,   SO_TIMESTAMP_NEW,  SO_TIMESTAMP_NEW,     16, TIME_US },
    { SOL_SOCKET,   SO_TIMESTAMPNS_NEW, SO_TIMESTAMPNS_NEW,  16, TIME_NS },
    { SOL_SOCKET,   SO_RXQ_OVFL,       SO_RXQ_OVFL,           4, COUNTER },
    { IPPROTO_IP,   IP_PKTINFO,        IP_PKTINFO,           12, INDEX_FIRST },
    { IPPROTO_IP,   IP_TTL,            IP_RECVTTL,            4, OCTET },
    { IPPROTO_IP,   IP_TOS,            IP_RECVTOS,            1, COUNTER },
    { IPPROTO_IP,   IP_ORIGDSTADDR,    IP_RECVORIGDSTADDR,   16, ADDRESS },
    { IPPROTO_IP,   IP_RECVERR,        IP_RECVERR,           16 + SOCKADDR_IN_SIZE, ICMP_ERROR },
    { IPPROTO_IPV6, IPV6_PKTINFO,      IPV6_RECVPKTINFO,     20, INDEX_LAST },
    { IPPROTO_IPV6, IPV6_HOPLIMIT,     IPV6_RECVHOPLIMIT,     4, OCTET },
    { IPPROTO_IPV6, IPV6_TCLASS,       IPV6_RECVTCLASS,       4, OCTET },
    { IPPROTO_IPV6, IPV6_ORIGDSTADDR,  IPV6_RECVORIGDSTADDR, 28, ADDRESS },
    { IPPROTO_IPV6, IPV6_RECVERR,      IPV6_RECVERR,         16 + SOCKADDR_IN6_SIZE, ICMP_ERROR },
    { IPPROTO_UDP,  UDP_GRO,           UDP_GRO,               4, COUNTER },
};
/* clang-format on */
static_assert(ARRAY_COUNT(kinds) <= 32, "bits of inet_socket.asked");

uint32_t inet_control_bit(int level, int option)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (kinds[i].level == level && kinds[i].option == option)
            return 1u << i;
    return 0;
}

bool inet_control_wanted(uint32_t asked)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (kinds[i].check == ICMP_ERROR)
            asked &= ~(1u << i);
    return asked != 0;
}

static const struct kind *find(const struct linux_cmsghdr *h, uint32_t asked, bool from_errors)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        const struct kind *k = &kinds[i];
        if (k->level == h->level && k->type == h->type)
            return asked & (1u << i) && (from_errors || k->check != ICMP_ERROR) ? k : NULL;
    }
    return NULL;
}

static bool time_is_sane(const uint8_t *data, int64_t per_second)
{
    int64_t t[2];
    memcpy(t, data, sizeof(t));
    return t[0] >= 0 && t[1] >= 0 && t[1] < per_second;
}

static bool family_is_inet(const uint8_t *data)
{
    uint16_t family = load_le16(data);
    return family == AF_UNSPEC || family == AF_INET || family == AF_INET6;
}

/* host may lie about values too: programs index tables by them and add them up */
static bool value_is_sane(const struct kind *k, const uint8_t *data)
{
    switch ((enum check)k->check) {
    case OCTET: return load_le32(data) <= UINT8_MAX;
    case INDEX_FIRST: return load_le32(data) <= INT32_MAX;
    case INDEX_LAST: return load_le32(data + 16) <= INT32_MAX;
    case TIME_US: return time_is_sane(data, 1000000);
    case TIME_NS: return time_is_sane(data, NSEC_PER_SEC);
    case COUNTER: return true;
    case ADDRESS: return family_is_inet(data);
    case ICMP_ERROR: return load_le32(data) <= ERRNO_MAX && family_is_inet(data + 16);
    }
    return false;
}

static int check_all(const uint8_t *bytes, uint32_t size, uint32_t asked, bool from_errors)
{
    for (uint32_t at = 0; at < size;) {
        struct linux_cmsghdr h;
        if (size - at < sizeof(h))
            return -EIO;
        memcpy(&h, bytes + at, sizeof(h));
        if (h.length < sizeof(h) || h.length > size - at)
            return -EIO;
        const struct kind *k = find(&h, asked, from_errors);
        if (!k || h.length != sizeof(h) + k->size || !value_is_sane(k, bytes + at + sizeof(h)))
            return -EIO;
        at += (uint32_t)MIN(CMSG_NEXT(h.length), (uint64_t)(size - at));
    }
    return 0;
}

int inet_control_take(const struct host_message *m, uint32_t asked, bool from_errors,
                      struct net_control **out)
{
    uint32_t size = m->control_size;
    *out = NULL;
    if (size > sizeof(m->control))
        return -EIO;
    int r = check_all(m->control, size, asked, from_errors);
    if (r < 0 || size == 0)
        return r;
    struct net_control *c = net_control_new(0);
    uint8_t *bytes = mem_alloc(size);
    if (!c || !bytes) {
        net_control_free(c);
        mem_free(bytes);
        return -ENOMEM;
    }
    memcpy(bytes, m->control, size);
    c->bytes = bytes;
    c->size = size;
    *out = c;
    return 0;
}
