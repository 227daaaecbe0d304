/*
 * gramine-ratls: make a key and an RA-TLS certificate inside the enclave, then become COMMAND. For
 * programs that read key and certificate from files and know nothing of attestation. Runs in the
 * enclave as an ordinary program, over libra_tls_attest.so; the paths are the measured manifest's.
 * Source: shared/specs/ra-tls.md section 7.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/include/gramine/ra_tls.h"

enum { EXIT_MADE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define LINE 64 /* characters of base64 in a line of PEM */

static void usage(FILE *to, const char *name)
{
    fprintf(to,
            "Usage: %s [-D|-P] [-h] CERTPATH KEYPATH [--] [COMMAND [ARGS...]]\n"
            "Make a key and an RA-TLS certificate for it (inside an enclave only), then run "
            "COMMAND.\n\n"
            "  -D    write DER\n"
            "  -P    write PEM (default)\n"
            "  -h    show this\n\n"
            "The key's file is readable by its owner only. RA_TLS_CERT_TIMESTAMP_NOT_BEFORE and\n"
            "RA_TLS_CERT_TIMESTAMP_NOT_AFTER (YYYYMMDDhhmmss) set the certificate's dates.\n"
            "Exit status: 0 written; 1 no certificate could be made or COMMAND not run; 2 wrong "
            "command line.\n",
            name);
}

/* PEM of one object, with the reference's NUL at its end. Returns malloc'ed text, NULL without
 * memory. */
static uint8_t *to_pem(const char *label, const uint8_t *der, size_t size, size_t *out_size)
{
    size_t room = size / 3 * 4 + size / 48 + 256;
    char *text = malloc(room);
    if (!text)
        return NULL;
    size_t n = (size_t)snprintf(text, room, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < size; at += LINE / 4 * 3) {
        size_t part = size - at < LINE / 4 * 3 ? size - at : LINE / 4 * 3;
        n += (size_t)EVP_EncodeBlock((uint8_t *)text + n, der + at, (int)part);
        text[n++] = '\n';
    }
    n += (size_t)snprintf(text + n, room - n, "-----END %s-----\n", label);
    *out_size = n + 1;
    return (uint8_t *)text;
}

/* Says what went wrong, and goes on: as the reference does, the program will notice. */
static void write_file(const char *path, mode_t mode, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    size_t done = 0;
    while (fd >= 0 && done < size) {
        ssize_t n = write(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < size || close(fd))
        fprintf(stderr, "gramine-ratls: %s: %s\n", path, strerror(errno));
}

static int write_object(bool der, const char *label, const char *path, mode_t mode,
                        const uint8_t *data, size_t size)
{
    if (der) {
        write_file(path, mode, data, size);
        return 0;
    }
    size_t pem_size = 0;
    uint8_t *pem = to_pem(label, data, size, &pem_size);
    if (!pem)
        return -ENOMEM;
    write_file(path, mode, pem, pem_size);
    OPENSSL_cleanse(pem, pem_size);
    free(pem);
    return 0;
}

static int make(bool der, const char *cert_path, const char *key_path)
{
    uint8_t *key = NULL, *crt = NULL;
    size_t key_size = 0, crt_size = 0;
    int ret = ra_tls_create_key_and_crt_der(&key, &key_size, &crt, &crt_size);
    if (ret) {
        fprintf(stderr, "ra_tls_create_key_and_crt_der returned %d\n", ret);
        if (access("/dev/attestation/quote", F_OK))
            fputs("gramine-ratls: no /dev/attestation/quote: run inside an enclave whose manifest "
                  "says "
                  "sgx.remote_attestation = \"dcap\"\n",
                  stderr);
        return EXIT_FAILED;
    }
    if (write_object(der, "TRUSTED CERTIFICATE", cert_path, 0644, crt, crt_size) ||
        write_object(der, "EC PRIVATE KEY", key_path, 0600, key, key_size))
        ret = EXIT_FAILED;
    OPENSSL_cleanse(key, key_size);
    free(key);
    free(crt);
    return ret;
}

int main(int argc, char **argv)
{
    bool der = false;
    for (int c; (c = getopt(argc, argv, "DPh")) != -1;) {
        if (c == 'h') {
            usage(stderr, argv[0]);
            return EXIT_MADE;
        }
        if (c == '?') {
            usage(stderr, argv[0]);
            return EXIT_USAGE;
        }
        der = c == 'D';
    }
    if (argc - optind < 2) {
        usage(stderr, argv[0]);
        return EXIT_USAGE;
    }
    char **command = argv + optind + 2;
    int ret = make(der, argv[optind], argv[optind + 1]);
    if (ret || !command[0])
        return ret;
    execvp(command[0], command);
    fprintf(stderr, "gramine-ratls: %s: %s\n", command[0], strerror(errno));
    return EXIT_FAILED;
}
