#ifndef TESTS_GUEST_TCP_PAIR_H
#define TESTS_GUEST_TCP_PAIR_H

/* Two ends of a TCP connection over loopback: end[0] connected, end[1] accepted with these flags.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static inline void tcp_pair(int end[2], int flags)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    NEED(bind(listener, (void *)&a, size) == 0 && listen(listener, 1) == 0);
    NEED(getsockname(listener, (void *)&a, &size) == 0);
    end[0] = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(end[0], (void *)&a, size) == 0);
    end[1] = accept4(listener, NULL, NULL, flags);
    NEED(end[1] >= 0);
    close(listener);
}

#endif
