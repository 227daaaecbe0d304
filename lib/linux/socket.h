#ifndef LIB_LINUX_SOCKET_H
#define LIB_LINUX_SOCKET_H

/* Sockets of the Linux x86-64 ABI. Source: include/linux/socket.h, include/uapi/asm-generic/socket.h, uapi/linux/{in,in6,tcp,un,netlink}.h. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"

enum { AF_UNSPEC = 0, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, AF_VSOCK = 40, AF_MAX = 46 };

enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_RDM = 4, SOCK_SEQPACKET = 5 };
#define SOCK_TYPE_MASK 0xf
#define SOCK_NONBLOCK  04000
#define SOCK_CLOEXEC   02000000

enum { IPPROTO_IP = 0, IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_IPV6 = 41, IPPROTO_UDPLITE = 136 };

#define SOCKADDR_MAX     128
#define SOCKADDR_IN_SIZE 16
#define SOCKADDR_IN6_SIZE 28
#define SOCKADDR_IN6_MIN 24 /* without sin6_scope_id: RFC 2133 programs */
#define SOCKADDR_VM_SIZE 16
#define UNIX_PATH_MAX    108

struct linux_sockaddr {
    uint16_t family;
    uint8_t data[SOCKADDR_MAX - 2];
};
static_assert(sizeof(struct linux_sockaddr) == SOCKADDR_MAX, "struct sockaddr_storage");

struct linux_msghdr {
    uint64_t name;
    int32_t name_length, pad0;
    uint64_t iov, iov_count;
    uint64_t control, control_length;
    uint32_t flags, pad1;
};
static_assert(sizeof(struct linux_msghdr) == 56, "struct user_msghdr");

struct linux_mmsghdr {
    struct linux_msghdr hdr;
    uint32_t length, pad;
};
static_assert(sizeof(struct linux_mmsghdr) == 64, "struct mmsghdr");

struct linux_cmsghdr {
    uint64_t length; /* of header and data, without the padding to 8 */
    int32_t level, type;
};
static_assert(sizeof(struct linux_cmsghdr) == 16, "struct cmsghdr");

struct linux_ucred {
    int32_t pid;
    uint32_t uid, gid;
};

#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD      253

#define MSG_OOB          0x1u
#define MSG_PEEK         0x2u
#define MSG_DONTROUTE    0x4u
#define MSG_CTRUNC       0x8u
#define MSG_TRUNC        0x20u
#define MSG_DONTWAIT     0x40u
#define MSG_EOR          0x80u
#define MSG_WAITALL      0x100u
#define MSG_CONFIRM      0x800u
#define MSG_ERRQUEUE     0x2000u
#define MSG_NOSIGNAL     0x4000u
#define MSG_MORE         0x8000u
#define MSG_WAITFORONE   0x10000u
#define MSG_FASTOPEN     0x20000000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#define MSG_CMSG_COMPAT  0x80000000u /* the kernel's own: EINVAL from a program */

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2
#define SOMAXCONN 4096

#define SOL_SOCKET 1
enum {
    SO_DEBUG = 1,
    SO_REUSEADDR = 2,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_DONTROUTE = 5,
    SO_BROADCAST = 6,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_KEEPALIVE = 9,
    SO_OOBINLINE = 10,
    SO_PRIORITY = 12,
    SO_LINGER = 13,
    SO_REUSEPORT = 15,
    SO_PASSCRED = 16,
    SO_PEERCRED = 17,
    SO_RCVLOWAT = 18,
    SO_SNDLOWAT = 19,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
    SO_TIMESTAMP = 29,
    SO_ACCEPTCONN = 30,
    SO_TIMESTAMPNS = 35,
    SO_TIMESTAMPING = 37,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
    SO_RXQ_OVFL = 40,
    SO_PEEK_OFF = 42,
    SO_INCOMING_CPU = 49,
    SO_TIMESTAMP_NEW = 63,
    SO_TIMESTAMPNS_NEW = 64,
};

enum {
    IP_TOS = 1,
    IP_TTL = 2,
    IP_PKTINFO = 8,
    IP_MTU_DISCOVER = 10,
    IP_RECVERR = 11,
    IP_RECVTTL = 12,
    IP_RECVTOS = 13,
    IP_MTU = 14,
    IP_FREEBIND = 15,
    IP_ORIGDSTADDR = 20,
    IP_RECVORIGDSTADDR = 20,
    IP_BIND_ADDRESS_NO_PORT = 24,
    IP_MULTICAST_IF = 32,
    IP_MULTICAST_TTL = 33,
    IP_MULTICAST_LOOP = 34,
    IP_ADD_MEMBERSHIP = 35,
    IP_DROP_MEMBERSHIP = 36,
    IP_MULTICAST_ALL = 49,
};

enum {
    IPV6_UNICAST_HOPS = 16,
    IPV6_MULTICAST_IF = 17,
    IPV6_MULTICAST_HOPS = 18,
    IPV6_MULTICAST_LOOP = 19,
    IPV6_ADD_MEMBERSHIP = 20,
    IPV6_DROP_MEMBERSHIP = 21,
    IPV6_MTU_DISCOVER = 23,
    IPV6_MTU = 24,
    IPV6_RECVERR = 25,
    IPV6_V6ONLY = 26,
    IPV6_RECVPKTINFO = 49,
    IPV6_PKTINFO = 50,
    IPV6_RECVHOPLIMIT = 51,
    IPV6_HOPLIMIT = 52,
    IPV6_DONTFRAG = 62,
    IPV6_RECVTCLASS = 66,
    IPV6_TCLASS = 67,
    IPV6_ORIGDSTADDR = 74,
    IPV6_RECVORIGDSTADDR = 74,
};

enum {
    SO_VM_SOCKETS_BUFFER_SIZE = 0,
    SO_VM_SOCKETS_BUFFER_MIN_SIZE = 1,
    SO_VM_SOCKETS_BUFFER_MAX_SIZE = 2,
    SO_VM_SOCKETS_CONNECT_TIMEOUT = 6,
};
#define VM_SOCKETS_GET_LOCAL_CID 0x7b9 /* ioctl of /dev/vsock */

enum { UDP_CORK = 1, UDP_SEGMENT = 103, UDP_GRO = 104 };
enum { UDPLITE_SEND_CSCOV = 10, UDPLITE_RECV_CSCOV = 11 };

enum {
    TCP_NODELAY = 1,
    TCP_MAXSEG = 2,
    TCP_CORK = 3,
    TCP_KEEPIDLE = 4,
    TCP_KEEPINTVL = 5,
    TCP_KEEPCNT = 6,
    TCP_SYNCNT = 7,
    TCP_LINGER2 = 8,
    TCP_DEFER_ACCEPT = 9,
    TCP_WINDOW_CLAMP = 10,
    TCP_INFO = 11,
    TCP_QUICKACK = 12,
    TCP_CONGESTION = 13,
    TCP_USER_TIMEOUT = 18,
    TCP_FASTOPEN = 23,
    TCP_NOTSENT_LOWAT = 25,
    TCP_FASTOPEN_CONNECT = 30,
};

#endif
