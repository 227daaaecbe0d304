/*
 * Intel's in-process quoting: three functions of libsgx_dcap_ql.so.1, see dcap_ql.h. The library is
 * the machine's own; the reports come from clients, and the quoting enclave inside checks them.
 */
#include "attest/soft/dcap_ql.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"

/* quote3_error_t sgx_qe_...(), with the structures of lib/sgx as bytes. The library wants them
 * aligned. */
typedef uint32_t target_info_fn(void *target_info);
typedef uint32_t quote_size_fn(uint32_t *size);
typedef uint32_t quote_fn(const void *report, uint32_t size, uint8_t *quote);

struct dcap_ql {
    void *library;
    target_info_fn *target_info;
    quote_size_fn *quote_size;
    quote_fn *quote;
};

/* What making a quote can fail with. */
static const struct {
    uint32_t code, aesm;
    const char *words;
} g_errors[] = {
    { 0xE001, 1, "unexpected error" },
    { 0xE002, 3, "a parameter is wrong" },
    { 0xE003, 21, "out of memory" },
    { 0xE004, 32, "its id is not the one that its stored key was made with" },
    { 0xE005, 33, "a path is too long" },
    { 0xE006, 15, "it cannot read or write its files" },
    { 0xE007, 34, "its stored key is damaged" },
    { 0xE008, 35, "its stored key is another one" },
    { 0xE009, 36, "the provisioning enclave signs in an unknown way" },
    { 0xE00A, 37, "its key blob is damaged" },
    { 0xE00B, 38, "it has no attestation key of this kind" },
    { 0xE00C, 39, "it does not load enclaves in this way" },
    { 0xE00D, 40, "the provisioning enclave's interface is not available" },
    { 0xE00E, 41, "the provisioning enclave's library is not installed (libsgx-pce-logic)" },
    { 0xE00F, 42, "its attestation key is not made yet" },
    { 0xE010, 43, "the platform's certificate data are damaged" },
    { 0xE011, 44,
      "it has no certificate of this platform: see sgx_default_qcnl.conf, and that its PCCS knows "
      "the platform" },
    { 0xE012, 29, "the EPC is full" },
    { 0xE013, 45, "a report between its enclaves is wrong" },
    { 0xE014, 46, "its enclave was lost (the machine slept)" },
    { 0xE015, 47, "the report is not of this machine, or not for the quoting enclave" },
    { 0xE016, 48,
      "its enclaves cannot be loaded: are libsgx-ae-qe3 and libsgx-ae-pce there, and "
      "/dev/sgx_provision accessible?" },
    { 0xE017, 49, "it cannot make its own report" },
    { 0xE018, 50, "its key could not be certified" },
    { 0xE019, 12, "the network, or the PCCS, does not answer" },
    { 0xE03F, 2, "there is no SGX device" },
    { 0xE040, 30, "a service that it needs is not available" },
    { 0xE041, 12, "the network failed" },
    { 0xE042, 30, "a service did not answer in time" },
    { 0xE043, 18, "it is busy" },
    { 0xE047, 31, "the PCCS does not know this platform" },
    { 0xE049, 44, "the PCCS has no certificates for this TCB" },
    { 0xE065, 12,
      "the PCCS's TLS certificate is not trusted (use_secure_cert in sgx_default_qcnl.conf)" },
    { 0xE067, 51, "sgx_default_qcnl.conf is not JSON" },
};

const char *dcap_ql_words(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(g_errors); i++)
        if (g_errors[i].code == code)
            return g_errors[i].words;
    return "unknown error";
}

uint32_t dcap_ql_aesm_error(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(g_errors); i++)
        if (g_errors[i].code == code)
            return g_errors[i].aesm;
    return code ? AESM_UNEXPECTED : AESM_SUCCESS;
}

static int find_functions(struct dcap_ql *ql, char *why, size_t why_size)
{
    const struct {
        const char *name;
        void **place;
    } functions[] = { { "sgx_qe_get_target_info", (void **)&ql->target_info },
                      { "sgx_qe_get_quote_size", (void **)&ql->quote_size },
                      { "sgx_qe_get_quote", (void **)&ql->quote } };
    for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
        *functions[i].place = dlsym(ql->library, functions[i].name);
        if (!*functions[i].place) {
            snprintf(why, why_size, "%s: it has no function %s", DCAP_QL_LIBRARY,
                     functions[i].name);
            return -ENOSYS;
        }
    }
    return 0;
}

int dcap_ql_open(const char *path, struct dcap_ql **out, char *why, size_t why_size)
{
    struct dcap_ql *ql = *out = calloc(1, sizeof(*ql));
    int ret = 0;
    if (!ql) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    ql->library = dlopen(path ? path : DCAP_QL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!ql->library) {
        snprintf(why, why_size, "%s", dlerror());
        ret = -ENOENT;
    }
    if (ret == 0)
        ret = find_functions(ql, why, why_size);
    if (ret) {
        dcap_ql_close(ql);
        *out = NULL;
    }
    return ret;
}

void dcap_ql_close(struct dcap_ql *ql)
{
    if (ql && ql->library)
        dlclose(ql->library);
    free(ql);
}

int dcap_ql_probe(const char *path, char *why, size_t why_size)
{
    struct dcap_ql *ql;
    int ret = dcap_ql_open(path, &ql, why, why_size);
    dcap_ql_close(ql);
    return ret;
}

static uint32_t refused(const char *function, uint32_t code)
{
    fprintf(stderr, "quoting service: %s: 0x%04X: %s\n", function, code, dcap_ql_words(code));
    return dcap_ql_aesm_error(code);
}

static uint32_t ql_target_info(void *self, uint8_t target[AESM_TARGETINFO_SIZE])
{
    const struct dcap_ql *ql = self;
    _Alignas(512) uint8_t aligned[AESM_TARGETINFO_SIZE] = { 0 };
    uint32_t code = ql->target_info(aligned);
    if (code)
        return refused("sgx_qe_get_target_info", code);
    memcpy(target, aligned, sizeof(aligned));
    return AESM_SUCCESS;
}

static uint32_t ql_quote_size(void *self, uint32_t *size)
{
    const struct dcap_ql *ql = self;
    *size = 0;
    uint32_t code = ql->quote_size(size);
    return code ? refused("sgx_qe_get_quote_size", code) : AESM_SUCCESS;
}

static uint32_t ql_quote(void *self, const uint8_t report[AESM_REPORT_SIZE], uint8_t *out,
                         uint32_t size, uint32_t *used)
{
    const struct dcap_ql *ql = self;
    _Alignas(512) uint8_t aligned[512] = { 0 };
    uint32_t ret = ql_quote_size(self, used);
    if (ret)
        return ret;
    if (*used > size)
        return AESM_PARAMETER;
    memcpy(aligned, report, AESM_REPORT_SIZE);
    uint32_t code = ql->quote(aligned, *used, out);
    return code ? refused("sgx_qe_get_quote", code) : AESM_SUCCESS;
}

struct quoter dcap_ql_quoter(struct dcap_ql *ql)
{
    return (struct quoter){
        .self = ql, .target_info = ql_target_info, .quote_size = ql_quote_size, .quote = ql_quote
    };
}
