/*
 * The client of the AESM protocol: one request a connection over a Unix socket, encoded by
 * lib/aesm. The answers are the enclave's business to check. Served code: no libc; buffers on
 * mapped memory.
 */
#include "host/quoting.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "host/say.h"
#include "host/syscall.h"
#include "host/thread.h"
#include "lib/aesm/aesm.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define RECEIVE_TIMEOUT_S 60 /* a real AESM may fetch certificates from the network first */

#define QUOTE_TRIES 5 /* as libos/fs/attest_dev.c has it */

static unsigned g_not_ready; /* answers of that kind since the last good quote */

static int64_t connect_service(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct {
        int64_t sec, usec;
    } timeout = { RECEIVE_TIMEOUT_S, 0 };
    const char *path = g_host.aesm_path ? g_host.aesm_path : AESM_SOCKET_PATH;
    if (str_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
        return -ENOENT;
    int64_t fd = sys3(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -EAGAIN;
    sys6(__NR_setsockopt, (uint64_t)fd, SOL_SOCKET, SO_RCVTIMEO, address_of(&timeout),
         sizeof(timeout), 0);
    int64_t ret = sys3(__NR_connect, (uint64_t)fd, address_of(&address), sizeof(address));
    if (ret == 0)
        return fd;
    host_say("no quoting service: %s: %s", path, host_error_name(ret));
    sys1(__NR_close, (uint64_t)fd);
    return ret == -EACCES || ret == -EPERM ? -EACCES : -ENOENT;
}

static int64_t send_all(int64_t fd, const uint8_t *p, uint64_t size)
{
    while (size) {
        int64_t n = sys6(__NR_sendto, (uint64_t)fd, address_of(p), size, MSG_NOSIGNAL, 0, 0);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n ? n : -EPIPE;
        p += n;
        size -= (uint64_t)n;
    }
    return 0;
}

static int64_t receive_all(int64_t fd, uint8_t *p, uint64_t size)
{
    while (size) {
        int64_t n = sys3(__NR_read, (uint64_t)fd, address_of(p), size);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n ? n : -EPIPE;
        p += n;
        size -= (uint64_t)n;
    }
    return 0;
}

/* Send request[n], receive the answer into response[AESM_RESPONSE_MAX]. Returns its length or an
 * error. */
static int64_t exchange(const uint8_t *request, uint64_t n, uint8_t *response)
{
    uint8_t header[AESM_FRAME_HEADER];
    int64_t fd = connect_service(), ret;
    if (fd < 0)
        return fd;
    ret = send_all(fd, request, n);
    if (ret == 0)
        ret = receive_all(fd, header, sizeof(header));
    if (ret == 0) {
        uint32_t size = load_le32(header);
        ret = size > AESM_RESPONSE_MAX ? -EMSGSIZE : receive_all(fd, response, size);
        if (ret == 0)
            ret = size;
    }
    sys1(__NR_close, (uint64_t)fd);
    if (ret >= 0)
        return ret;
    /* Not asked again: with a minute of patience each time that would take for ever. */
    host_say(ret == -EAGAIN ? "the quoting service does not answer"
                            : "the quoting service's answer was cut off, or too long");
    return -EACCES;
}

/* The enclave asks again from the start, QUOTE_TRIES times; only then a person needs to know. */
static int64_t not_ready(void)
{
    if (__atomic_add_fetch(&g_not_ready, 1, __ATOMIC_RELAXED) % QUOTE_TRIES == 0)
        host_say("the quoting service refused: %u: %s (asked %u times)",
                 AESM_ATT_KEY_NOT_INITIALIZED, aesm_error_words(AESM_ATT_KEY_NOT_INITIALIZED),
                 QUOTE_TRIES);
    return -EAGAIN;
}

static int64_t ask(const uint8_t *request, int64_t n, enum aesm_kind kind, uint8_t *response,
                   struct aesm_response *out)
{
    int64_t size = n < 0 ? -EAGAIN : exchange(request, (uint64_t)n, response);
    if (size < 0)
        return size;
    if (aesm_decode_response(response, (size_t)size, kind, out)) {
        host_say("the quoting service gave a malformed answer");
        return -EACCES;
    }
    if (out->error == AESM_ATT_KEY_NOT_INITIALIZED)
        return not_ready();
    if (out->error != AESM_SUCCESS) {
        host_say("the quoting service refused: %u: %s", out->error, aesm_error_words(out->error));
        return -EACCES;
    }
    return 0;
}

static uint8_t *map_response(void)
{
    int64_t p = sys6(__NR_mmap, 0, AESM_RESPONSE_MAX, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
    return p < 0 && p > -4096 ? NULL : pointer_to((uint64_t)p);
}

int64_t quoting_target(uint8_t *target)
{
    uint8_t id[AESM_KEY_ID_SIZE], request[AESM_REQUEST_MAX];
    struct aesm_response r;
    uint8_t *response = map_response();
    if (!response)
        return -EAGAIN;
    aesm_key_id_ecdsa(id);
    int64_t n = aesm_encode_init(request, sizeof(request), id);
    int64_t ret = ask(request, n, AESM_INIT_QUOTE, response, &r);
    if (ret == 0)
        memcpy(target, r.data, AESM_TARGETINFO_SIZE);
    sys2(__NR_munmap, address_of(response), AESM_RESPONSE_MAX);
    return ret;
}

int64_t quoting_get(const uint8_t *report, uint8_t *out, uint64_t size)
{
    uint8_t id[AESM_KEY_ID_SIZE], request[AESM_REQUEST_MAX];
    struct aesm_response r;
    uint8_t *response = map_response();
    if (!response)
        return -EAGAIN;
    aesm_key_id_ecdsa(id);
    uint32_t room = (uint32_t)MIN(size, AESM_RESPONSE_MAX);
    int64_t n = aesm_encode_quote(request, sizeof(request), id, report, room);
    int64_t ret = ask(request, n, AESM_QUOTE, response, &r);
    if (ret == 0 && r.data_size > size)
        ret = -EAGAIN;
    if (ret == 0) {
        __atomic_store_n(&g_not_ready, 0, __ATOMIC_RELAXED);
        memcpy(out, r.data, r.data_size);
        ret = (int64_t)r.data_size;
    }
    sys2(__NR_munmap, address_of(response), AESM_RESPONSE_MAX);
    return ret;
}
