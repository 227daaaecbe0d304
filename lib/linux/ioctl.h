#ifndef LIB_LINUX_IOCTL_H
#define LIB_LINUX_IOCTL_H

/* ioctl commands that are not one device's. Source: include/uapi/asm-generic/ioctls.h, asm-generic/sockios.h, linux/sockios.h. */
#define LINUX_TCGETS     0x5401u
#define LINUX_TIOCOUTQ   0x5411u /* = SIOCOUTQ */
#define LINUX_TIOCGWINSZ 0x5413u
#define LINUX_FIONREAD   0x541bu /* = SIOCINQ */
#define LINUX_FIONBIO    0x5421u
#define LINUX_FIOASYNC   0x5452u
#define LINUX_FIONCLEX   0x5450u
#define LINUX_FIOCLEX    0x5451u
#define LINUX_FIOASYNC   0x5452u
#define LINUX_SIOCATMARK 0x8905u
#define LINUX_SIOCGIFNAME   0x8910u
#define LINUX_SIOCGIFCONF   0x8912u
#define LINUX_SIOCGIFFLAGS  0x8913u
#define LINUX_SIOCGIFADDR   0x8915u
#define LINUX_SIOCGIFNETMASK 0x891bu
#define LINUX_SIOCGIFMTU    0x8921u
#define LINUX_SIOCGIFHWADDR 0x8927u
#define LINUX_SIOCGIFINDEX  0x8933u

#endif
