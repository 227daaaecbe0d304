/* OpenSSL over send/recv/poll with a deadline: see attest/secret/tls_socket.h. The peer is hostile. */
#include "attest/secret/tls_socket.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct tls_socket {
    int fd;
    int64_t deadline;
    int error; /* why the last operation failed: ETIMEDOUT, ECONNRESET; 0 */
};

int64_t tls_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static bool wait_for(struct tls_socket *s, short events)
{
    struct pollfd p = { .fd = s->fd, .events = events };
    for (;;) {
        int64_t left = s->deadline == TLS_NO_DEADLINE ? -1 : s->deadline - tls_seconds();
        if (s->deadline != TLS_NO_DEADLINE && left <= 0) {
            s->error = ETIMEDOUT;
            return false;
        }
        int n = poll(&p, 1, left < 0 ? -1 : (int)(left > 3600 ? 3600 : left) * 1000);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR) {
            s->error = errno;
            return false;
        }
    }
}

static int socket_write(BIO *bio, const char *data, int size)
{
    struct tls_socket *s = BIO_get_data(bio);
    while (wait_for(s, POLLOUT)) {
        ssize_t n = send(s->fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            return (int)n;
        if (errno != EAGAIN && errno != EINTR) {
            s->error = errno == EPIPE ? ECONNRESET : errno;
            break;
        }
    }
    return -1;
}

static int socket_read(BIO *bio, char *data, int size)
{
    struct tls_socket *s = BIO_get_data(bio);
    while (wait_for(s, POLLIN)) {
        ssize_t n = recv(s->fd, data, (size_t)size, MSG_DONTWAIT);
        if (n > 0)
            return (int)n;
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            s->error = n == 0 ? ECONNRESET : errno;
            return n == 0 ? 0 : -1;
        }
    }
    return -1;
}

static long socket_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static int socket_destroy(BIO *bio)
{
    free(BIO_get_data(bio));
    return 1;
}

static BIO_METHOD *g_method; /* made once by make_method() */
static pthread_once_t g_method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
    g_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cloister socket");
    if (!g_method)
        return;
    BIO_meth_set_write(g_method, socket_write);
    BIO_meth_set_read(g_method, socket_read);
    BIO_meth_set_ctrl(g_method, socket_ctrl);
    BIO_meth_set_destroy(g_method, socket_destroy);
}

int tls_socket_attach(SSL *ssl, int fd, int64_t deadline)
{
    pthread_once(&g_method_once, make_method);
    struct tls_socket *s = calloc(1, sizeof(*s));
    BIO *bio = g_method ? BIO_new(g_method) : NULL;
    if (!s || !bio) {
        free(s);
        BIO_free(bio);
        return -ENOMEM;
    }
    *s = (struct tls_socket){ .fd = fd, .deadline = deadline };
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return 0;
}

void tls_socket_set_deadline(SSL *ssl, int64_t deadline)
{
    struct tls_socket *s = BIO_get_data(SSL_get_rbio(ssl));
    s->deadline = deadline;
}

static int failure(SSL *ssl, int ret)
{
    struct tls_socket *s = BIO_get_data(SSL_get_rbio(ssl));
    int error = SSL_get_error(ssl, ret);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return -ECONNRESET;
    return s->error == ECONNRESET || s->error == ETIMEDOUT ? -s->error : -EPERM;
}

int tls_write_all(SSL *ssl, const void *data, size_t size)
{
    const uint8_t *p = data;
    while (size > 0) {
        int n = SSL_write(ssl, p, size > INT_MAX ? INT_MAX : (int)size);
        if (n <= 0)
            return failure(ssl, n);
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int tls_read_all(SSL *ssl, void *data, size_t size)
{
    uint8_t *p = data;
    while (size > 0) {
        int n = SSL_read(ssl, p, size > INT_MAX ? INT_MAX : (int)size);
        if (n <= 0)
            return failure(ssl, n);
        p += n;
        size -= (size_t)n;
    }
    return 0;
}
