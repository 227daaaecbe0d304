/* REPORT MACs of the software CPU. The report is hostile; key and target are ours. */
#include "attest/soft/report_mac.h"

#include "attest/quote.h"
#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/crypto/sha256.h"

static void compute(const uint8_t *device_key, const uint8_t *target, const uint8_t *report,
                    uint8_t mac[16])
{
    uint8_t input[SOFT_DEVICE_KEY_SIZE + 512 + 32], key[SHA256_SIZE];
    memcpy(input, device_key, SOFT_DEVICE_KEY_SIZE);
    memcpy(input + SOFT_DEVICE_KEY_SIZE, target, 512);
    memcpy(input + SOFT_DEVICE_KEY_SIZE + 512, report + REPORT_KEYID, 32);
    sha256_digest(input, sizeof(input), key);
    aes128_cmac(key, report, REPORT_BODY_SIZE, mac);
    bytes_wipe(key, sizeof(key));
    bytes_wipe(input, sizeof(input));
}

void soft_report_mac_set(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                         uint8_t report[432])
{
    compute(device_key, target, report, report + REPORT_MAC);
}

bool soft_report_mac_ok(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                        const uint8_t report[432])
{
    uint8_t mac[16];
    compute(device_key, target, report, mac);
    return bytes_equal_ct(mac, report + REPORT_MAC, sizeof(mac));
}
