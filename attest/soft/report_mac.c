/*
 * REPORT MACs of the software CPU. The report is hostile; key and target are ours. The CPUSVN is taken
 * from the report: the software device's has no meaning, and the MAC covers it.
 */
#include "attest/soft/report_mac.h"

#include "lib/base/bytes.h"
#include "lib/crypto/aes.h"
#include "lib/sgx/report.h"

static void derive(const uint8_t *device_key, const uint8_t *target_bytes,
                   const struct sgx_report *report, uint8_t key[SGX_KEY_SIZE])
{
    struct sgx_platform platform = { 0 };
    struct sgx_targetinfo target;
    memcpy(platform.secret, device_key, sizeof(platform.secret));
    memcpy(platform.cpusvn, report->body.cpusvn, sizeof(platform.cpusvn));
    memcpy(&target, target_bytes, sizeof(target));
    keys_report(&platform, &target, report->keyid, key);
    bytes_wipe(&platform, sizeof(platform));
}

void soft_report_mac_set(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                         uint8_t report[432])
{
    struct sgx_report r;
    uint8_t key[SGX_KEY_SIZE];
    memcpy(&r, report, sizeof(r));
    derive(device_key, target, &r, key);
    aes128_cmac(key, &r.body, sizeof(r.body), report + offsetof(struct sgx_report, mac));
    bytes_wipe(key, sizeof(key));
}

bool soft_report_mac_ok(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                        const uint8_t report[432])
{
    struct sgx_report r;
    uint8_t key[SGX_KEY_SIZE];
    memcpy(&r, report, sizeof(r));
    derive(device_key, target, &r, key);
    bool ok = report_verify(&r, key) == 0;
    bytes_wipe(key, sizeof(key));
    return ok;
}
