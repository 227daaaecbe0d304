#ifndef ATTEST_SOFT_REPORT_MAC_H
#define ATTEST_SOFT_REPORT_MAC_H

/* The software CPU's MAC over REPORTs: what EREPORT writes for a target, and what the target checks. */
#include <stdbool.h>
#include <stdint.h>

#include "attest/soft/state.h"

/* Fill KEYID-dependent MAC of a report (432 bytes; body and KEYID are already there). */
void soft_report_mac_set(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                         uint8_t report[432]);
/* Was it made on the device with this key, for this target? */
bool soft_report_mac_ok(const uint8_t device_key[SOFT_DEVICE_KEY_SIZE], const uint8_t target[512],
                        const uint8_t report[432]);

#endif
