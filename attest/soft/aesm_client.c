/* AESM client: one request per connection. The service's answers are not trusted: lib/aesm checks them. */
#include "attest/soft/aesm_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/soft/unix_socket.h"
#include "lib/base/bytes.h"

#define TIMEOUT_MS 30000
#define ATTEMPTS   5
#define QUOTE_ROOM 8192

static int send_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int recv_all(int fd, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = recv(fd, data, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPROTO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Send one framed request, receive one answer into buf[AESM_RESPONSE_MAX]. */
static int exchange(const char *socket, const uint8_t *request, int64_t size, uint8_t *buf,
                    enum aesm_kind kind, struct aesm_response *out)
{
    uint8_t header[AESM_FRAME_HEADER];
    if (size < 0)
        return (int)size;
    int fd = unix_connect(socket, TIMEOUT_MS);
    if (fd < 0)
        return fd;
    int ret = send_all(fd, request, (size_t)size);
    if (ret == 0)
        ret = recv_all(fd, header, sizeof(header));
    uint32_t length = ret ? 0 : load_le32(header);
    if (length > AESM_RESPONSE_MAX)
        ret = -EPROTO; /* the service chooses the length: it may not choose our memory */
    if (ret == 0)
        ret = recv_all(fd, buf, length);
    close(fd);
    if (ret == 0 && aesm_decode_response(buf, length, kind, out))
        ret = -EPROTO;
    return ret;
}

static int quote_once(const char *socket, aesm_report_fn *make_report, void *arg, uint8_t *buf,
                      struct aesm_response *r)
{
    uint8_t request[AESM_REQUEST_MAX], key_id[AESM_KEY_ID_SIZE];
    uint8_t target[AESM_TARGETINFO_SIZE], report[AESM_REPORT_SIZE];
    aesm_key_id_ecdsa(key_id);
    int64_t n = aesm_encode_init(request, sizeof(request), key_id);
    int ret = exchange(socket, request, n, buf, AESM_INIT_QUOTE, r);
    if (ret || r->error != AESM_SUCCESS)
        return ret;
    memcpy(target, r->data, sizeof(target));
    ret = make_report(arg, target, report);
    if (ret)
        return ret;
    n = aesm_encode_quote(request, sizeof(request), key_id, report, QUOTE_ROOM);
    return exchange(socket, request, n, buf, AESM_QUOTE, r);
}

int64_t aesm_quote(const char *socket, aesm_report_fn *make_report, void *arg, uint8_t *quote,
                   size_t size, uint32_t *service_error)
{
    struct aesm_response r = { .error = AESM_ATT_KEY_NOT_INITIALIZED };
    uint32_t dummy, *error = service_error ? service_error : &dummy;
    uint8_t *buf = malloc(AESM_RESPONSE_MAX);
    int64_t ret = buf ? 0 : -ENOMEM;
    *error = 0;
    for (int i = 0; i < ATTEMPTS && ret == 0 && r.error == AESM_ATT_KEY_NOT_INITIALIZED; i++)
        ret = quote_once(socket, make_report, arg, buf, &r);
    if (ret == 0 && r.error != AESM_SUCCESS) {
        *error = r.error;
        ret = -EREMOTEIO;
    }
    if (ret == 0 && r.data_size > size)
        ret = -ENOBUFS;
    if (ret == 0) {
        memcpy(quote, r.data, r.data_size);
        ret = (int64_t)r.data_size;
    }
    free(buf);
    return ret;
}

int64_t aesm_quote_size(const char *socket, uint32_t *service_error)
{
    uint8_t request[AESM_REQUEST_MAX], key_id[AESM_KEY_ID_SIZE];
    struct aesm_response r;
    uint8_t *buf = malloc(AESM_RESPONSE_MAX);
    if (!buf)
        return -ENOMEM;
    aesm_key_id_ecdsa(key_id);
    int64_t n = aesm_encode_quote_size(request, sizeof(request), key_id);
    int ret = exchange(socket, request, n, buf, AESM_QUOTE_SIZE, &r);
    free(buf);
    if (service_error)
        *service_error = ret ? 0 : r.error;
    if (ret)
        return ret;
    return r.error ? -EREMOTEIO : (int64_t)r.quote_size;
}
