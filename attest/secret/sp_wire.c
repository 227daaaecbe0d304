/* Secret-provisioning messages and server lists: pure, over untrusted bytes. */
#include "attest/secret/sp_wire.h"

#include <errno.h>
#include <string.h>

#include "lib/base/bytes.h"

int sp_request_check(const uint8_t request[SP_REQUEST_SIZE])
{
    return memcmp(request, SP_REQUEST, SP_REQUEST_SIZE) == 0 ? 0 : -EINVAL;
}

int sp_name_check(const char *name)
{
    size_t size = 0;
    for (; name[size]; size++) {
        char c = name[size], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' &&
            c != '-')
            return -EINVAL;
    }
    return size >= 1 && size <= SP_NAME_MAX ? 0 : -EINVAL;
}

int sp_name_request_parse(const uint8_t *request, size_t size, const char **name)
{
    size_t head = sizeof(SP_NAME_REQUEST) - 1, known = size < head ? size : head;
    if (memcmp(request, SP_NAME_REQUEST, known) != 0)
        return -EINVAL;
    if (size <= head || !memchr(request + head, 0, size - head))
        return size >= SP_NAME_REQUEST_MAX ? -EINVAL : 0;
    *name = (const char *)request + head;
    /* the request ends where the name does */
    return sp_name_check(*name) == 0 && head + strlen(*name) + 1 == size ? 1 : -EINVAL;
}

void sp_header_make(uint32_t secret_size, uint8_t header[SP_HEADER_SIZE])
{
    memcpy(header, SP_RESPONSE, sizeof(SP_RESPONSE));
    store_be32(header + sizeof(SP_RESPONSE), secret_size);
}

int sp_header_parse(const uint8_t header[SP_HEADER_SIZE], uint32_t *secret_size)
{
    *secret_size = load_be32(header + sizeof(SP_RESPONSE));
    if (memcmp(header, SP_RESPONSE, sizeof(SP_RESPONSE)) != 0 || *secret_size == 0 ||
        *secret_size > SP_SECRET_MAX)
        return -EINVAL;
    return 0;
}

int sp_next_server(const char **list, char host[256], char port[32])
{
    for (;;) {
        *list += strspn(*list, ",; ");
        size_t size = strcspn(*list, ",; ");
        if (size == 0)
            return 0;
        const char *token = *list, *colon = memchr(token, ':', size);
        *list += size;
        size_t host_size = colon ? (size_t)(colon - token) : 0;
        size_t port_size = colon ? size - host_size - 1 : 0;
        if (host_size == 0 || port_size == 0 || host_size >= 256 || port_size >= 32)
            continue;
        memcpy(host, token, host_size);
        host[host_size] = 0;
        memcpy(port, colon + 1, port_size);
        port[port_size] = 0;
        return 1;
    }
}
