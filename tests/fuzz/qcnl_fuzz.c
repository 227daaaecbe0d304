/* sgx_default_qcnl.conf in both forms. What is taken must be usable: a URL, bounded numbers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/collateral/qcnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qcnl q;
    struct problem why;
    if (qcnl_parse("fuzz", (const char *)data, size, &q, &why))
        return 0;
    if (strncmp(qcnl_service(&q), "http", 4) != 0 || q.retry_times > 100 || q.cache_hours > 2160 ||
        (strcmp(q.tcb_update_type, "early") != 0 && strcmp(q.tcb_update_type, "standard") != 0))
        abort();
    return 0;
}
