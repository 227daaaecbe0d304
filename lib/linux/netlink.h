#ifndef LIB_LINUX_NETLINK_H
#define LIB_LINUX_NETLINK_H

/* Route netlink, as far as asking for links and addresses goes. Source: include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h. */
#include <stdint.h>

#include "lib/base/assert.h"

enum { NETLINK_ROUTE = 0, NETLINK_MAX = 32 };
enum { NLMSG_ERROR = 2, NLMSG_DONE = 3 };
enum { RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22, RTM_GETROUTE = 26, RTM_GETNEIGH = 30, RTM_GETRULE = 34 };
enum { NLM_F_REQUEST = 1, NLM_F_MULTI = 2, NLM_F_ACK = 4, NLM_F_DUMP = 0x300 };
enum { IFLA_ADDRESS = 1, IFLA_BROADCAST = 2, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_TXQLEN = 13, IFLA_OPERSTATE = 16 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_FLAGS = 8 };
enum { ARPHRD_LOOPBACK = 772, IFF_LOOPBACK_UP = 0x10049 /* UP LOOPBACK RUNNING LOWER_UP */, IFA_F_PERMANENT = 0x80, RT_SCOPE_HOST = 254 };

struct linux_nlmsghdr {
    uint32_t length;
    uint16_t type, flags;
    uint32_t seq, pid;
};
static_assert(sizeof(struct linux_nlmsghdr) == 16, "struct nlmsghdr");

struct linux_ifinfomsg {
    uint8_t family, pad;
    uint16_t type;
    int32_t index;
    uint32_t flags, change;
};

struct linux_ifaddrmsg {
    uint8_t family, prefix, flags, scope;
    uint32_t index;
};

struct linux_rtattr {
    uint16_t length, type;
};

struct linux_sockaddr_nl {
    uint16_t family, pad;
    uint32_t pid, groups;
};
static_assert(sizeof(struct linux_sockaddr_nl) == 12, "struct sockaddr_nl");

#endif
