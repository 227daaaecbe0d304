/* A strict, bounded reader of PEM certificates: see attest/dcap/pem.h. The text is hostile. */
#include "attest/dcap/pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char g_begin[] = "-----BEGIN CERTIFICATE-----";
static const char g_end[] = "-----END CERTIFICATE-----";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Decode base64 with blanks in it. Returns the size or -EINVAL; out has room for `size` bytes. */
static long decode(const char *text, size_t size, uint8_t *packed, uint8_t *out)
{
    size_t used = 0, padding = 0;
    for (size_t i = 0; i < size; i++) {
        if (is_blank(text[i]))
            continue;
        packed[used++] = (uint8_t)text[i];
        if (text[i] == '=')
            padding++;
        else if (padding)
            return -EINVAL; /* EVP_DecodeBlock would take '=' in the middle */
    }
    if (used == 0 || used % 4 != 0 || padding > 2)
        return -EINVAL;
    int n = EVP_DecodeBlock(out, packed, (int)used);
    return n < 0 || (size_t)n < padding ? -EINVAL : n - (long)padding;
}

static int certificate_from(const char *text, size_t size, X509 **out)
{
    uint8_t *buf = malloc(2 * size + 8);
    if (!buf)
        return -ENOMEM;
    long n = decode(text, size, buf, buf + size + 4);
    const uint8_t *p = buf + size + 4, *start = p;
    X509 *x = n > 0 ? d2i_X509(NULL, &p, n) : NULL;
    if (x && p != start + n) {
        X509_free(x);
        x = NULL;
    }
    free(buf);
    ERR_clear_error();
    *out = x;
    return x ? 0 : -EINVAL;
}

int pem_next_certificate(const char *text, size_t size, size_t *pos, X509 **out)
{
    size_t at = *pos;
    *out = NULL;
    while (at < size && is_blank(text[at]))
        at++;
    if (at == size || text[at] == 0) {
        for (; at < size; at++)
            if (text[at] != 0)
                return -EINVAL;
        *pos = size;
        return 0;
    }
    if (size - at < sizeof(g_begin) - 1 || memcmp(text + at, g_begin, sizeof(g_begin) - 1) != 0)
        return -EINVAL;
    at += sizeof(g_begin) - 1;
    const char *end = memmem(text + at, size - at, g_end, sizeof(g_end) - 1);
    if (!end)
        return -EINVAL;
    *pos = (size_t)(end - text) + sizeof(g_end) - 1;
    return certificate_from(text + at, (size_t)(end - text) - at, out);
}
