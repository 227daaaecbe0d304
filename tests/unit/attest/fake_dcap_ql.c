/*
 * A stand-in for Intel's libsgx_dcap_ql.so.1: the three functions that dcap_ql.c calls, over the
 * software device's quoting enclave in ${FAKE_DCAP_QL_STATE}. FAKE_DCAP_QL_ERROR="FUNCTION CODE"
 * makes a function fail.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/soft/qe.h"

#define API __attribute__((visibility("default")))

API uint32_t sgx_qe_get_target_info(void *target_info);
API uint32_t sgx_qe_get_quote_size(uint32_t *size);
API uint32_t sgx_qe_get_quote(const void *report, uint32_t size, uint8_t *quote);

static struct soft_qe *qe(void)
{
    static struct soft_qe *one;
    if (!one && soft_qe_new(getenv("FAKE_DCAP_QL_STATE"), &one))
        abort();
    return one;
}

static uint32_t wanted_error(const char *function)
{
    const char *text = getenv("FAKE_DCAP_QL_ERROR");
    size_t n = strlen(function);
    return text && strncmp(text, function, n) == 0 && text[n] == ' '
               ? (uint32_t)strtoul(text + n, NULL, 16)
               : 0;
}

API uint32_t sgx_qe_get_target_info(void *target_info)
{
    if ((uintptr_t)target_info % 512)
        return 0xE002;
    soft_qe_target_info(target_info);
    return wanted_error("target_info");
}

API uint32_t sgx_qe_get_quote_size(uint32_t *size)
{
    *size = (uint32_t)soft_qe_quote_size(qe());
    return wanted_error("quote_size");
}

API uint32_t sgx_qe_get_quote(const void *report, uint32_t size, uint8_t *quote)
{
    uint32_t error = wanted_error("quote");
    if (error || (uintptr_t)report % 512 || size != soft_qe_quote_size(qe()))
        return error ? error : 0xE002;
    return soft_qe_quote(qe(), report, quote, size) < 0 ? 0xE015 : 0;
}
