/*
 * The SIOCGIF* ioctls of any socket: what interfaces there are. As in netlink.c the answer is
 * always the loopback device and nothing else: the host's devices are its own business and its word
 * about them is worth nothing.
 */
#include "libos/net/interface.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/ioctl.h"
#include "libos/sys/ioctl_arg.h"

#define LOOPBACK_INDEX  1
#define LOOPBACK_MTU    65536
#define LOOPBACK_FLAGS  0x49 /* IFF_UP | IFF_LOOPBACK | IFF_RUNNING */
#define AF_INET         2
#define ARPHRD_LOOPBACK 772

/* struct ifreq of Linux, x86-64. */
struct ifreq {
    char name[16];
    union {
        int32_t number;
        int16_t flags;
        uint8_t address[24]; /* sockaddr: family, port, IPv4 address */
    };
};
static_assert(sizeof(struct ifreq) == 40, "include/uapi/linux/if.h");

static void put_address(struct ifreq *r, uint16_t family, const uint8_t ip[4])
{
    memset(r->address, 0, sizeof(r->address));
    memcpy(r->address, &family, sizeof(family));
    memcpy(r->address + 4, ip, 4);
}

static int64_t list_interfaces(uint64_t arg)
{
    struct {
        int32_t size, gap;
        uint64_t requests;
    } conf;
    struct ifreq lo = { .name = "lo" };
    put_address(&lo, AF_INET, (const uint8_t[]){ 127, 0, 0, 1 });
    if (ioctl_get(arg, &conf, sizeof(conf)))
        return -EFAULT;
    bool fits = conf.size >= (int32_t)sizeof(lo);
    if (conf.requests && fits && ioctl_put(conf.requests, &lo, sizeof(lo)))
        return -EFAULT;
    conf.size = conf.requests && !fits ? 0 : (int32_t)sizeof(lo);
    return ioctl_put(arg, &conf, sizeof(conf)) ? -EFAULT : 0;
}

int64_t interface_ioctl(uint32_t command, uint64_t arg)
{
    struct ifreq r;
    if (command == LINUX_SIOCGIFCONF)
        return list_interfaces(arg);
    if (command != LINUX_SIOCGIFNAME && command != LINUX_SIOCGIFINDEX &&
        command != LINUX_SIOCGIFFLAGS && command != LINUX_SIOCGIFMTU &&
        command != LINUX_SIOCGIFADDR && command != LINUX_SIOCGIFNETMASK &&
        command != LINUX_SIOCGIFHWADDR)
        return -ENOTTY;
    if (ioctl_get(arg, &r, sizeof(r)))
        return -EFAULT;
    r.name[sizeof(r.name) - 1] = 0;
    if (command == LINUX_SIOCGIFNAME ? r.number != LOOPBACK_INDEX : !str_equal(r.name, "lo"))
        return -ENODEV;
    switch (command) {
    case LINUX_SIOCGIFNAME: str_copy(r.name, sizeof(r.name), "lo"); break;
    case LINUX_SIOCGIFINDEX: r.number = LOOPBACK_INDEX; break;
    case LINUX_SIOCGIFMTU: r.number = LOOPBACK_MTU; break;
    case LINUX_SIOCGIFFLAGS: r.flags = LOOPBACK_FLAGS; break;
    case LINUX_SIOCGIFADDR: put_address(&r, AF_INET, (const uint8_t[]){ 127, 0, 0, 1 }); break;
    case LINUX_SIOCGIFNETMASK: put_address(&r, AF_INET, (const uint8_t[]){ 255, 0, 0, 0 }); break;
    default: put_address(&r, ARPHRD_LOOPBACK, (const uint8_t[4]){ 0 }); break;
    }
    return ioctl_put(arg, &r, sizeof(r)) ? -EFAULT : 0;
}
