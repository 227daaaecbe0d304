/*
 * Signs an enclave for tests of the launcher. usage: make_sig IMAGE PLAN KEY.pem OUT.sig
 * Makes the key if it is missing.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/image_file.h"
#include "manifest/key.h"
#include "manifest/sign.h"

static uint8_t g_plan[1 << 16] __attribute__((aligned(8)));

int main(int argc, char **argv)
{
    struct problem why = { "" };
    struct image_file image;
    struct layout layout;
    struct plan plan;
    struct sgx_sigstruct sig;
    uint8_t mrenclave[SGX_HASH_SIZE];
    EVP_PKEY *key = NULL;
    uint32_t date;
    if (argc != 5)
        return 2;
    FILE *f = fopen(argv[2], "rb");
    size_t size = f ? fread(g_plan, 1, sizeof(g_plan), f) : 0;
    if (access(argv[3], R_OK) && key_generate(argv[3], 0, &why))
        goto failed;
    if (plan_open(g_plan, size, &plan) || image_file_open(argv[1], &image, &why) ||
        sign_parse_date("2024-12-31", &date) || key_load(argv[3], NULL, &key, &why) ||
        sign_measure(&image, &plan, &layout, mrenclave, &why) ||
        sign_sigstruct(key, &plan, mrenclave, date, &sig, &why))
        goto failed;
    f = fopen(argv[4], "wb");
    return !f || fwrite(&sig, sizeof(sig), 1, f) != 1 || fclose(f);
failed:
    fprintf(stderr, "make_sig: %s\n", why.text);
    return 1;
}
