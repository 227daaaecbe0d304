/* Extended attributes: set, get, list, remove by path, by link and by descriptor; every error. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#include "check.h"

static void *volatile g_wild = (void *)8;

static int has_name(const char *list, ssize_t size, const char *name)
{
    for (const char *p = list; p < list + size; p += strlen(p) + 1)
        if (strcmp(p, name) == 0)
            return 1;
    return 0;
}

static void values(void)
{
    char buf[256] = "", list[4096];
    CHECK_EQ(setxattr("file", "user.one", "first", 5, 0), 0);
    CHECK_EQ(getxattr("file", "user.one", buf, sizeof(buf)), 5);
    CHECK(memcmp(buf, "first", 5) == 0);
    CHECK_EQ(getxattr("file", "user.one", NULL, 0), 5);
    CHECK_EQ(getxattr("file", "user.one", buf, 5), 5);
    CHECK_ERRNO(getxattr("file", "user.one", buf, 4), ERANGE);
    CHECK_EQ(setxattr("file", "user.one", "2", 1, 0), 0);
    CHECK_EQ(getxattr("file", "user.one", buf, sizeof(buf)), 1);
    CHECK_EQ(setxattr("file", "user.empty", NULL, 0, 0), 0);
    CHECK_EQ(getxattr("file", "user.empty", buf, sizeof(buf)), 0);
    ssize_t n = listxattr("file", list, sizeof(list));
    CHECK(n >= 20 && has_name(list, n, "user.one") && has_name(list, n, "user.empty"));
    CHECK_EQ(listxattr("file", NULL, 0), n);
    CHECK_ERRNO(listxattr("file", list, (size_t)n - 1), ERANGE);
    CHECK_EQ(removexattr("file", "user.empty"), 0);
    CHECK_ERRNO(removexattr("file", "user.empty"), ENODATA);
    CHECK_ERRNO(getxattr("file", "user.empty", buf, sizeof(buf)), ENODATA);
    CHECK_EQ(listxattr("file", NULL, 0), n - 11);
    static char big[3000], back[3000];
    memset(big, 'b', sizeof(big));
    CHECK_EQ(setxattr("file", "user.big", big, sizeof(big), 0), 0);
    CHECK_EQ(getxattr("file", "user.big", back, sizeof(back)), 3000);
    CHECK(memcmp(big, back, 3000) == 0);
    CHECK_EQ(removexattr("file", "user.big"), 0);
}

static void flags(void)
{
    CHECK_ERRNO(setxattr("file", "user.one", "x", 1, XATTR_CREATE), EEXIST);
    CHECK_ERRNO(setxattr("file", "user.two", "x", 1, XATTR_REPLACE), ENODATA);
    CHECK_EQ(setxattr("file", "user.two", "x", 1, XATTR_CREATE), 0);
    CHECK_EQ(setxattr("file", "user.two", "yz", 2, XATTR_REPLACE), 0);
    CHECK_EQ(getxattr("file", "user.two", NULL, 0), 2);
    CHECK_ERRNO(setxattr("file", "user.two", "x", 1, 4), EINVAL);
    CHECK_EQ(removexattr("file", "user.two"), 0);
}

static void errors(void)
{
    char buf[300], *large = calloc(1, 65537);
    memset(buf, 'n', sizeof(buf));
    memcpy(buf, "user.", 5);
    buf[256] = 0;
    CHECK_ERRNO(setxattr("file", buf, "x", 1, 0), ERANGE);
    CHECK_ERRNO(getxattr("file", "", buf, 8), ERANGE);
    CHECK_ERRNO(setxattr("file", "user.x", large, 65537, 0), E2BIG);
    CHECK_ERRNO(setxattr("file", "nonsense.x", "x", 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(setxattr("missing", "user.x", "x", 1, 0), ENOENT);
    CHECK_ERRNO(getxattr("missing", "user.x", buf, 8), ENOENT);
    CHECK_ERRNO(listxattr("missing", buf, 8), ENOENT);
    CHECK_ERRNO(removexattr("file/x", "user.x"), ENOTDIR);
    CHECK_ERRNO(setxattr("file", g_wild, "x", 1, 0), EFAULT);
    CHECK_ERRNO(setxattr("file", "user.x", g_wild, 1, 0), EFAULT);
    CHECK_ERRNO(fgetxattr(-1, "user.x", buf, 8), EBADF);
    CHECK_ERRNO(flistxattr(-1, buf, 8), EBADF);
    free(large);
}

static void descriptors_and_links(void)
{
    char buf[16] = "";
    int fd = open("file", O_RDONLY);
    CHECK_EQ(fsetxattr(fd, "user.fd", "by fd", 5, 0), 0);
    CHECK_EQ(getxattr("file", "user.fd", buf, sizeof(buf)), 5);
    CHECK_EQ(fgetxattr(fd, "user.fd", buf, sizeof(buf)), 5);
    CHECK(flistxattr(fd, NULL, 0) >= 8);
    CHECK_EQ(fremovexattr(fd, "user.fd"), 0);
    close(fd);
    symlink("file", "sym");
    CHECK_EQ(setxattr("sym", "user.sym", "1", 1, 0), 0);
    CHECK_EQ(getxattr("file", "user.sym", NULL, 0), 1);
    CHECK_EQ(lgetxattr("file", "user.sym", NULL, 0), 1);
    CHECK_ERRNO(lsetxattr("sym", "user.x", "1", 1, 0), EPERM);
    CHECK_EQ(removexattr("sym", "user.sym"), 0);
    CHECK_EQ(setxattr(".", "user.dir", "1", 1, 0), 0);
    CHECK_EQ(getxattr(".", "user.dir", NULL, 0), 1);
    CHECK_EQ(removexattr(".", "user.dir"), 0);
}

/* A socket has one attribute, which tells its protocol. */
static void socket_protocol(int domain, int type, int protocol, const char *name)
{
    static const char attribute[] = "system.sockprotoname";
    char buf[64] = "";
    int s = socket(domain, type, protocol);
    CHECK(s >= 0);
    CHECK_EQ(flistxattr(s, NULL, 0), (ssize_t)sizeof(attribute));
    CHECK_EQ(flistxattr(s, buf, sizeof(buf)), (ssize_t)sizeof(attribute));
    CHECK(strcmp(buf, attribute) == 0);
    CHECK_ERRNO(flistxattr(s, buf, sizeof(attribute) - 1), ERANGE);
    CHECK_EQ(fgetxattr(s, attribute, NULL, 0), (ssize_t)strlen(name) + 1);
    CHECK_EQ(fgetxattr(s, attribute, buf, sizeof(buf)), (ssize_t)strlen(name) + 1);
    CHECK(strcmp(buf, name) == 0);
    CHECK_ERRNO(fgetxattr(s, attribute, buf, strlen(name)), ERANGE);
    CHECK_ERRNO(fgetxattr(s, "user.one", buf, sizeof(buf)), ENODATA);
    CHECK_ERRNO(fsetxattr(s, "user.one", buf, 1, 0), EPERM);
    CHECK_ERRNO(fsetxattr(s, attribute, buf, 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(fremovexattr(s, attribute), EOPNOTSUPP);
    close(s);
}

static void sockets(void)
{
    socket_protocol(AF_UNIX, SOCK_STREAM, 0, "UNIX-STREAM");
    socket_protocol(AF_UNIX, SOCK_DGRAM, 0, "UNIX");
    socket_protocol(AF_INET, SOCK_STREAM, 0, "TCP");
    socket_protocol(AF_INET6, SOCK_STREAM, 0, "TCPv6");
    socket_protocol(AF_INET, SOCK_DGRAM, 0, "UDP");
    socket_protocol(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "UDPv6");
    socket_protocol(AF_NETLINK, SOCK_RAW, 0, "NETLINK");
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    close(open("file", O_CREAT | O_WRONLY, 0644));
    values();
    flags();
    errors();
    descriptors_and_links();
    sockets();
    unlink("sym"), unlink("file");
    printf("xattrs: done\n");
    return check_result();
}
