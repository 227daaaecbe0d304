/* Secret provisioning: request, response header, server list. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/secret/sp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char host[256], port[32], *list = malloc(size + 1);
    const char *at = list;
    uint32_t secret;
    if (!list)
        return 0;
    if (size >= SP_REQUEST_SIZE)
        (void)sp_request_check(data);
    if (size >= SP_HEADER_SIZE && sp_header_parse(data, &secret) == 0 && (secret == 0 || secret > SP_SECRET_MAX))
        abort();
    const char *name;
    if (sp_name_request_parse(data, size, &name) == 1 && (sp_name_check(name) || strlen(name) > SP_NAME_MAX))
        abort();
    memcpy(list, data, size);
    list[size] = 0;
    while (sp_next_server(&at, host, port))
        if (strlen(host) == 0 || strlen(port) == 0)
            abort();
    free(list);
    return 0;
}
