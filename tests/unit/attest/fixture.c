/* See fixture.h. */
#include "tests/unit/attest/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/file.h"
#include "attest/dcap/quote.h"
#include "attest/soft/pki.h"
#include "attest/soft/report_mac.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"

const struct fake_enclave fake_good = {
    .mrenclave = { 0xa1, 0xa2, 0xa3 },
    .mrsigner = { 0xb1, 0xb2, 0xb3 },
    .flags = SGX_FLAG_INIT | SGX_FLAG_MODE64BIT,
    .prod_id = 7,
    .svn = 3,
};

void fixture_make(struct fixture *f)
{
    char path[SOFT_PATH_MAX + 64];
    uint8_t *pem = NULL;
    size_t size = 0;
    *f = (struct fixture){ 0 };
    strcpy(f->folder, "/tmp/cloister-soft-XXXXXX");
    assert(mkdtemp(f->folder));
    assert(soft_qe_new(f->folder, &f->qe) == 0);
    snprintf(path, sizeof(path), "%s/%s", f->folder, SOFT_ROOT_FILE);
    assert(file_read(path, 1 << 16, &pem, &size) == 0);
    assert(trust_roots_add_pem(&f->roots, pem, size) == 0);
    free(pem);
    snprintf(path, sizeof(path), "%s/%s", f->folder, SOFT_COLLATERAL_DIR);
    assert(collateral_load(path, &f->collateral, NULL) == 0);
}

void fixture_remove(struct fixture *f)
{
    char command[SOFT_PATH_MAX + 16];
    soft_qe_free(f->qe);
    collateral_fini(&f->collateral);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert(system(command) == 0);
}

void fixture_report(const struct fixture *f, const struct fake_enclave *e, const uint8_t target[512],
                    const uint8_t data[64], uint8_t report[432])
{
    uint8_t key[SOFT_DEVICE_KEY_SIZE];
    memset(report, 0, 432);
    memset(report + REPORT_CPUSVN, 1, 16);
    store_le64(report + REPORT_ATTRIBUTES, e->flags);
    store_le64(report + REPORT_XFRM, 3);
    memcpy(report + REPORT_MRENCLAVE, e->mrenclave, 32);
    memcpy(report + REPORT_MRSIGNER, e->mrsigner, 32);
    store_le16(report + REPORT_ISVPRODID, e->prod_id);
    store_le16(report + REPORT_ISVSVN, e->svn);
    memcpy(report + REPORT_DATA, data, 64);
    memset(report + REPORT_KEYID, 0x5a, 32);
    assert(attest_soft_device_key(f->folder, key) == 0);
    soft_report_mac_set(key, target, report);
}

size_t fixture_quote(const struct fixture *f, const struct fake_enclave *e, const uint8_t data[64],
                     uint8_t out[SOFT_QUOTE_MAX])
{
    uint8_t target[SOFT_TARGETINFO_SIZE], report[432];
    soft_qe_target_info(target);
    fixture_report(f, e, target, data, report);
    int64_t n = soft_qe_quote(f->qe, report, out, SOFT_QUOTE_MAX);
    assert(n > 0);
    return (size_t)n;
}
