/*
 * Checks what image_soft's key test wrote. usage: check_report FILE SIG
 * FILE: a REPORT that the enclave made for itself, the report key, a seal key.
 */
#include <stdio.h>
#include <string.h>

#include "lib/crypto/crypto.h"
#include "lib/sgx/report.h"

int main(int argc, char **argv)
{
    struct {
        struct sgx_report report;
        uint8_t report_key[16], seal_key[16];
    } in;
    struct sgx_sigstruct sig;
    FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *g = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (!f || !g || fread(&in, sizeof(in), 1, f) != 1 || fread(&sig, sizeof(sig), 1, g) != 1)
        return 2;
    if (crypto_init(crypto_features_detect()) || report_verify(&in.report, in.report_key))
        return 3;
    if (memcmp(in.report.body.mrenclave, sig.enclavehash, 32) || !(in.report.body.attributes.flags & SGX_FLAG_INIT))
        return 4;
    for (int i = 0; i < 64; i++)
        if (in.report.body.reportdata[i] != i)
            return 5;
    in.report.body.reportdata[0] ^= 1;
    return report_verify(&in.report, in.report_key) ? 0 : 6;
}
