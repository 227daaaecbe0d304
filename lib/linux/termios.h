#ifndef LIB_LINUX_TERMIOS_H
#define LIB_LINUX_TERMIOS_H

/* Terminals of the Linux x86-64 ABI. Sources: include/uapi/asm-generic/{termbits,ioctls}.h, linux/tty.h. */
#include <stdint.h>

#include "lib/base/assert.h"

/* struct termios2: its first 36 bytes are the struct termios of TCGETS. */
struct linux_termios {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[19];
    uint32_t ispeed, ospeed;
};
#define LINUX_TERMIOS_SIZE 36u
static_assert(sizeof(struct linux_termios) == 44, "struct termios2 of x86-64");

struct linux_winsize {
    uint16_t rows, columns, x_pixels, y_pixels;
};

enum {
    TTY_VINTR, TTY_VQUIT, TTY_VERASE, TTY_VKILL, TTY_VEOF, TTY_VTIME, TTY_VMIN, TTY_VSWTC, TTY_VSTART, TTY_VSTOP,
    TTY_VSUSP, TTY_VEOL, TTY_VREPRINT, TTY_VDISCARD, TTY_VWERASE, TTY_VLNEXT, TTY_VEOL2
};

/* iflag */
#define TTY_PARMRK  0000010u
#define TTY_ISTRIP  0000040u
#define TTY_INLCR   0000100u
#define TTY_IGNCR   0000200u
#define TTY_ICRNL   0000400u
#define TTY_IUCLC   0001000u
#define TTY_IXON    0002000u
#define TTY_IXANY   0004000u
#define TTY_IMAXBEL 0020000u
#define TTY_IUTF8   0040000u
/* oflag */
#define TTY_OPOST  0000001u
#define TTY_OLCUC  0000002u
#define TTY_ONLCR  0000004u
#define TTY_OCRNL  0000010u
#define TTY_ONOCR  0000020u
#define TTY_ONLRET 0000040u
#define TTY_TABDLY 0014000u /* = XTABS */
/* cflag */
#define TTY_B38400 0000017u
#define TTY_CS8    0000060u
#define TTY_CREAD  0000200u
/* lflag */
#define TTY_ISIG    0000001u
#define TTY_ICANON  0000002u
#define TTY_ECHO    0000010u
#define TTY_ECHOE   0000020u
#define TTY_ECHOK   0000040u
#define TTY_ECHONL  0000100u
#define TTY_NOFLSH  0000200u
#define TTY_TOSTOP  0000400u
#define TTY_ECHOCTL 0001000u
#define TTY_ECHOPRT 0002000u
#define TTY_ECHOKE  0004000u
#define TTY_IEXTEN  0100000u

#define LINUX_TCSETS     0x5402u
#define LINUX_TCSETSW    0x5403u
#define LINUX_TCSETSF    0x5404u
#define LINUX_TCSBRK     0x5409u
#define LINUX_TCXONC     0x540au
#define LINUX_TCFLSH     0x540bu
#define LINUX_TIOCEXCL   0x540cu
#define LINUX_TIOCNXCL   0x540du
#define LINUX_TIOCSCTTY  0x540eu
#define LINUX_TIOCGPGRP  0x540fu
#define LINUX_TIOCSPGRP  0x5410u
#define LINUX_TIOCSWINSZ 0x5414u
#define LINUX_TIOCPKT    0x5420u
#define LINUX_TIOCNOTTY  0x5422u
#define LINUX_TIOCSETD   0x5423u
#define LINUX_TIOCGETD   0x5424u
#define LINUX_TCSBRKP    0x5425u
#define LINUX_TIOCGSID   0x5429u
#define LINUX_TCGETS2    0x802c542au
#define LINUX_TCSETS2    0x402c542bu
#define LINUX_TCSETSW2   0x402c542cu
#define LINUX_TCSETSF2   0x402c542du
#define LINUX_TIOCGPTN   0x80045430u
#define LINUX_TIOCSPTLCK 0x40045431u
#define LINUX_TIOCSIG    0x40045436u
#define LINUX_TIOCGPKT   0x80045438u
#define LINUX_TIOCGPTLCK 0x80045439u
#define LINUX_TIOCGEXCL  0x80045440u
#define LINUX_TIOCGPTPEER 0x5441u

enum { LINUX_TCIFLUSH, LINUX_TCOFLUSH, LINUX_TCIOFLUSH };
enum { LINUX_TCOOFF, LINUX_TCOON, LINUX_TCIOFF, LINUX_TCION };
/* Status bytes of packet mode. */
enum { LINUX_PKT_FLUSHREAD = 1, LINUX_PKT_FLUSHWRITE = 2, LINUX_PKT_STOP = 4, LINUX_PKT_START = 8, LINUX_PKT_NOSTOP = 16, LINUX_PKT_DOSTOP = 32 };

#endif
