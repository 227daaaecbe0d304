#ifndef ATTEST_TCB_H
#define ATTEST_TCB_H

/* TCB info (versions 2 and 3): the levels of a platform family and their status. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/document.h"
#include "attest/dcap/verdict.h"

#define TCB_COMPONENTS  16
#define TCB_LEVELS_MAX  256
#define TCB_MODULES_MAX 32

struct tcb_level {
    uint8_t sgx[TCB_COMPONENTS];
    uint16_t pcesvn;
    uint8_t tdx[TCB_COMPONENTS];
    enum tcb_status status;
    int64_t date;
    json_t *advisories; /* borrowed from the document, or NULL */
};

/* A level that depends on one ISVSVN: of a quoting enclave or of a TDX module. */
struct svn_level {
    uint16_t isvsvn;
    enum tcb_status status; /* UpToDate, OutOfDate, Revoked */
    int64_t date;
    json_t *advisories;
};

struct svn_levels {
    struct svn_level *level; /* owned, highest ISVSVN first */
    size_t count;
};

struct tdx_module {
    uint8_t version; /* from "TDX_xx"; unused for the tdxModule member */
    uint8_t mrsigner[48], attributes[8], attributes_mask[8];
    struct svn_levels levels;
};

struct tcb_info {
    struct document document;
    uint32_t version;
    bool tdx;
    uint8_t fmspc[6], pceid[2];
    struct tcb_level *level; /* owned, highest first */
    size_t level_count;
    bool too_wide; /* some component is above 255 */
    bool has_module;
    struct tdx_module module;      /* tdxModule */
    struct tdx_module *identities; /* owned: tdxModuleIdentities */
    size_t identity_count;
};

/* The platform: what its PCK certificate says, and for TDX the TEE_TCB_SVN of the report. */
struct tcb_platform {
    uint8_t components[TCB_COMPONENTS];
    uint16_t pcesvn;
    const uint8_t *tee_tcb_svn; /* 16, or NULL for SGX */
};

/* Returns 0; -EINVAL; -ERANGE well formed but for a component above 255; -ENOMEM. tcb_info_fini()
 * in any case. */
int tcb_info_parse(const char *text, size_t size, struct tcb_info *out);
void tcb_info_fini(struct tcb_info *t);

/* The first level that the platform reaches, or NULL. */
const struct tcb_level *tcb_level_find(const struct tcb_info *t, const struct tcb_platform *p);

int svn_levels_parse(const json_t *list, struct svn_levels *out);
const struct svn_level *svn_level_find(const struct svn_levels *l, uint16_t isvsvn);

/* Platform status worsened by that of the quoting enclave or TDX module. Source: dcap.md 3.G4. */
enum tcb_status tcb_converge(enum tcb_status platform, enum tcb_status part);

#endif
