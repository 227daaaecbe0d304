#ifndef LIB_SGX_ARCH_H
#define LIB_SGX_ARCH_H

/*
 * SGX as facts: structures, flags, leaves and error codes of Intel SDM vol. 3D, chapters 35-40
 * (December 2023: "SGX data structures and operation", "instruction references"). All little endian.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"

#define SGX_KEY_SIZE  16
#define SGX_HASH_SIZE 32

/* Leaves of ENCLU (user) and ENCLS (kernel), in EAX. */
enum sgx_enclu {
    ENCLU_EREPORT = 0,
    ENCLU_EGETKEY = 1,
    ENCLU_EENTER = 2,
    ENCLU_ERESUME = 3,
    ENCLU_EEXIT = 4,
    ENCLU_EACCEPT = 5,
    ENCLU_EMODPE = 6,
    ENCLU_EACCEPTCOPY = 7,
    ENCLU_EVERIFYREPORT2 = 8,
    ENCLU_EDECCSSA = 9,
};

enum sgx_encls {
    ENCLS_ECREATE = 0x00,
    ENCLS_EADD = 0x01,
    ENCLS_EINIT = 0x02,
    ENCLS_EREMOVE = 0x03,
    ENCLS_EDBGRD = 0x04,
    ENCLS_EDBGWR = 0x05,
    ENCLS_EEXTEND = 0x06,
    ENCLS_ELDB = 0x07,
    ENCLS_ELDU = 0x08,
    ENCLS_EBLOCK = 0x09,
    ENCLS_EPA = 0x0a,
    ENCLS_EWB = 0x0b,
    ENCLS_ETRACK = 0x0c,
    ENCLS_EAUG = 0x0d,
    ENCLS_EMODPR = 0x0e,
    ENCLS_EMODT = 0x0f,
};

/* What an instruction leaves in RAX with ZF set. */
enum sgx_error {
    SGX_SUCCESS = 0,
    SGX_INVALID_SIG_STRUCT = 1,
    SGX_INVALID_ATTRIBUTE = 2,
    SGX_BLKSTATE = 3,
    SGX_INVALID_MEASUREMENT = 4,
    SGX_NOTBLOCKABLE = 5,
    SGX_PG_INVLD = 6,
    SGX_EPC_PAGE_CONFLICT = 7,
    SGX_INVALID_SIGNATURE = 8,
    SGX_MAC_COMPARE_FAIL = 9,
    SGX_PAGE_NOT_BLOCKED = 10,
    SGX_NOT_TRACKED = 11,
    SGX_VA_SLOT_OCCUPIED = 12,
    SGX_CHILD_PRESENT = 13,
    SGX_ENCLAVE_ACT = 14,
    SGX_ENTRYEPOCH_LOCKED = 15,
    SGX_INVALID_EINITTOKEN = 16,
    SGX_PREV_TRK_INCMPL = 17,
    SGX_PG_IS_SECS = 18,
    SGX_PAGE_ATTRIBUTES_MISMATCH = 19,
    SGX_PAGE_NOT_MODIFIABLE = 20,
    SGX_PAGE_NOT_DEBUGGABLE = 21,
    SGX_INVALID_COUNTER = 25,
    SGX_PG_NONEPC = 26,
    SGX_TRACK_NOT_REQUIRED = 27,
    SGX_INVALID_CPUSVN = 32,
    SGX_INVALID_ISVSVN = 64,
    SGX_UNMASKED_EVENT = 128,
    SGX_INVALID_KEYNAME = 256,
};

/* ATTRIBUTES.FLAGS */
#define SGX_FLAG_INIT           UINT64_C(0x1)
#define SGX_FLAG_DEBUG          UINT64_C(0x2)
#define SGX_FLAG_MODE64BIT      UINT64_C(0x4)
#define SGX_FLAG_PROVISIONKEY   UINT64_C(0x10)
#define SGX_FLAG_EINITTOKEN_KEY UINT64_C(0x20)
#define SGX_FLAG_CET            UINT64_C(0x40)
#define SGX_FLAG_KSS            UINT64_C(0x80)
#define SGX_FLAG_AEXNOTIFY      UINT64_C(0x400)
#define SGX_FLAGS_KNOWN         UINT64_C(0x4f7)

/* ATTRIBUTES.XFRM: as XCR0 */
#define SGX_XFRM_LEGACY UINT64_C(0x3)
#define SGX_XFRM_AVX    UINT64_C(0x4)
#define SGX_XFRM_MPX    UINT64_C(0x18)
#define SGX_XFRM_AVX512 UINT64_C(0xe4) /* needs AVX, hence its bit */
#define SGX_XFRM_PKRU   UINT64_C(0x200)
#define SGX_XFRM_AMX    UINT64_C(0x60000)

#define SGX_MISC_EXINFO UINT32_C(0x1)

struct sgx_attributes {
    uint64_t flags, xfrm;
};

struct sgx_secs {
    uint64_t size, base;
    uint32_t ssa_frame_size; /* pages */
    uint32_t miscselect;
    uint64_t cet_leg_bitmap_offset;
    uint8_t cet_attributes;
    uint8_t reserved1[15];
    struct sgx_attributes attributes;
    uint8_t mrenclave[SGX_HASH_SIZE];
    uint8_t reserved2[32];
    uint8_t mrsigner[SGX_HASH_SIZE];
    /* The SDM reserves 160..191 and says that EINIT's product and family ids live in the SECS without
     * saying where; this is our device's choice, invisible to software (the SECS is unreadable). */
    uint8_t isv_ext_prod_id[16];
    uint8_t isv_family_id[16];
    uint8_t config_id[64];
    uint16_t isv_prod_id, isv_svn, config_svn;
    uint8_t reserved3[3834];
};
static_assert(sizeof(struct sgx_secs) == 4096, "SDM table 35-2: SECS");
static_assert(offsetof(struct sgx_secs, attributes) == 48, "SECS.ATTRIBUTES");
static_assert(offsetof(struct sgx_secs, mrenclave) == 64, "SECS.MRENCLAVE");
static_assert(offsetof(struct sgx_secs, mrsigner) == 128, "SECS.MRSIGNER");
static_assert(offsetof(struct sgx_secs, config_id) == 192, "SECS.CONFIGID");
static_assert(offsetof(struct sgx_secs, isv_prod_id) == 256, "SECS.ISVPRODID");

/* SECINFO.FLAGS */
#define SECINFO_R        UINT64_C(0x1)
#define SECINFO_W        UINT64_C(0x2)
#define SECINFO_X        UINT64_C(0x4)
#define SECINFO_PENDING  UINT64_C(0x8)
#define SECINFO_MODIFIED UINT64_C(0x10)
#define SECINFO_PR       UINT64_C(0x20)
#define SECINFO_TYPE     UINT64_C(0xff00)

enum sgx_page_type {
    SGX_PT_SECS = 0,
    SGX_PT_TCS = 1,
    SGX_PT_REG = 2,
    SGX_PT_VA = 3,
    SGX_PT_TRIM = 4,
    SGX_PT_SS_FIRST = 5,
    SGX_PT_SS_REST = 6,
};

#define SECINFO_TCS  ((uint64_t)SGX_PT_TCS << 8)
#define SECINFO_REG  ((uint64_t)SGX_PT_REG << 8)
#define SECINFO_TRIM ((uint64_t)SGX_PT_TRIM << 8)

struct sgx_secinfo {
    _Alignas(64) uint64_t flags;
    uint64_t reserved[7];
};
static_assert(sizeof(struct sgx_secinfo) == 64, "SDM table 35-11: SECINFO");

struct sgx_pageinfo {
    _Alignas(32) uint64_t linaddr;
    uint64_t srcpge, secinfo, secs;
};
static_assert(sizeof(struct sgx_pageinfo) == 32, "SDM table 35-10: PAGEINFO");

#define TCS_DBGOPTIN  UINT64_C(0x1)
#define TCS_AEXNOTIFY UINT64_C(0x2)

struct sgx_tcs {
    uint64_t state; /* reserved */
    uint64_t flags;
    uint64_t ossa; /* offset of the SSA frames in the enclave */
    uint32_t cssa, nssa;
    uint64_t oentry;
    uint64_t aep; /* reserved */
    uint64_t ofsbasgx, ogsbasgx;
    uint32_t fslimit, gslimit;
    uint64_t ocetssa, oprevssp;
    uint8_t reserved[4008];
};
static_assert(sizeof(struct sgx_tcs) == 4096, "SDM table 35-3: TCS");
static_assert(offsetof(struct sgx_tcs, oentry) == 32, "TCS.OENTRY");
static_assert(offsetof(struct sgx_tcs, ogsbasgx) == 56, "TCS.OGSBASGX");
static_assert(offsetof(struct sgx_tcs, ocetssa) == 72, "TCS.OCETSSA");

/* GPRSGX.EXITINFO */
#define EXITINFO_VECTOR    UINT32_C(0xff)
#define EXITINFO_TYPE      UINT32_C(0x700)
#define EXITINFO_TYPE_HW   UINT32_C(0x300)
#define EXITINFO_TYPE_SW   UINT32_C(0x600)
#define EXITINFO_VALID     UINT32_C(0x80000000)

/* The last bytes of an SSA frame. */
struct sgx_gprsgx {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rflags, rip;
    uint64_t ursp, urbp;
    uint32_t exitinfo;
    uint8_t reserved[3];
    uint8_t aexnotify;
    uint64_t fsbase, gsbase;
};
static_assert(sizeof(struct sgx_gprsgx) == 184, "SDM table 35-7: GPRSGX");
static_assert(offsetof(struct sgx_gprsgx, rip) == 136, "GPRSGX.RIP");
static_assert(offsetof(struct sgx_gprsgx, exitinfo) == 160, "GPRSGX.EXITINFO");
static_assert(offsetof(struct sgx_gprsgx, aexnotify) == 167, "GPRSGX.AEXNOTIFY");
static_assert(offsetof(struct sgx_gprsgx, fsbase) == 168, "GPRSGX.FSBASE");

/* Just below GPRSGX when SECS.MISCSELECT has EXINFO. errcd: as the page-fault error code, bit 15 SGX. */
struct sgx_exinfo {
    uint64_t maddr;
    uint32_t errcd, reserved;
};
static_assert(sizeof(struct sgx_exinfo) == 16, "SDM table 35-9: EXINFO");

struct sgx_sigstruct {
    uint8_t header[16];
    uint32_t vendor; /* 0 or 0x8086 */
    uint32_t date;   /* BCD 0xyyyymmdd */
    uint8_t header2[16];
    uint32_t swdefined;
    uint8_t reserved1[84];
    uint8_t modulus[384];
    uint32_t exponent;
    uint8_t signature[384];
    uint32_t miscselect, miscmask;
    uint8_t cet_attributes, cet_attributes_mask;
    uint8_t reserved2[2];
    uint8_t isv_family_id[16];
    struct sgx_attributes attributes, attribute_mask;
    uint8_t enclavehash[SGX_HASH_SIZE];
    uint8_t reserved3[16];
    uint8_t isv_ext_prod_id[16];
    uint16_t isv_prod_id, isv_svn;
    uint8_t reserved4[12];
    uint8_t q1[384], q2[384];
} __attribute__((packed));
static_assert(sizeof(struct sgx_sigstruct) == 1808, "SDM table 35-16: SIGSTRUCT");
static_assert(offsetof(struct sgx_sigstruct, header2) == 24, "SIGSTRUCT.HEADER2");
static_assert(offsetof(struct sgx_sigstruct, modulus) == 128, "SIGSTRUCT.MODULUS");
static_assert(offsetof(struct sgx_sigstruct, miscselect) == 900, "SIGSTRUCT.MISCSELECT");
static_assert(offsetof(struct sgx_sigstruct, attributes) == 928, "SIGSTRUCT.ATTRIBUTES");
static_assert(offsetof(struct sgx_sigstruct, enclavehash) == 960, "SIGSTRUCT.ENCLAVEHASH");
static_assert(offsetof(struct sgx_sigstruct, isv_prod_id) == 1024, "SIGSTRUCT.ISVPRODID");
static_assert(offsetof(struct sgx_sigstruct, q1) == 1040, "SIGSTRUCT.Q1");

struct sgx_targetinfo {
    _Alignas(512) uint8_t mrenclave[SGX_HASH_SIZE];
    struct sgx_attributes attributes;
    uint8_t cet_attributes;
    uint8_t reserved1;
    uint16_t config_svn;
    uint32_t miscselect;
    uint8_t reserved2[8];
    uint8_t config_id[64];
    uint8_t reserved3[384];
};
static_assert(sizeof(struct sgx_targetinfo) == 512, "SDM table 35-22: TARGETINFO");
static_assert(offsetof(struct sgx_targetinfo, miscselect) == 52, "TARGETINFO.MISCSELECT");
static_assert(offsetof(struct sgx_targetinfo, config_id) == 64, "TARGETINFO.CONFIGID");

#define SGX_REPORTDATA_SIZE 64

struct sgx_report_body {
    uint8_t cpusvn[16];
    uint32_t miscselect;
    uint8_t cet_attributes;
    uint8_t reserved1[11];
    uint8_t isv_ext_prod_id[16];
    struct sgx_attributes attributes;
    uint8_t mrenclave[SGX_HASH_SIZE];
    uint8_t reserved2[32];
    uint8_t mrsigner[SGX_HASH_SIZE];
    uint8_t reserved3[32];
    uint8_t config_id[64];
    uint16_t isv_prod_id, isv_svn, config_svn;
    uint8_t reserved4[42];
    uint8_t isv_family_id[16];
    uint8_t reportdata[SGX_REPORTDATA_SIZE];
};
static_assert(sizeof(struct sgx_report_body) == 384, "SDM table 35-21: REPORT, the MACed part");
static_assert(offsetof(struct sgx_report_body, attributes) == 48, "REPORT.ATTRIBUTES");
static_assert(offsetof(struct sgx_report_body, mrenclave) == 64, "REPORT.MRENCLAVE");
static_assert(offsetof(struct sgx_report_body, mrsigner) == 128, "REPORT.MRSIGNER");
static_assert(offsetof(struct sgx_report_body, isv_prod_id) == 256, "REPORT.ISVPRODID");
static_assert(offsetof(struct sgx_report_body, reportdata) == 320, "REPORT.REPORTDATA");

struct sgx_report {
    struct sgx_report_body body;
    uint8_t keyid[32];
    uint8_t mac[16];
};
static_assert(sizeof(struct sgx_report) == 432, "SDM table 35-21: REPORT");
static_assert(offsetof(struct sgx_report, mac) == 416, "REPORT.MAC");

enum sgx_keyname {
    SGX_KEY_EINITTOKEN = 0,
    SGX_KEY_PROVISION = 1,
    SGX_KEY_PROVISION_SEAL = 2,
    SGX_KEY_REPORT = 3,
    SGX_KEY_SEAL = 4,
};

#define SGX_POLICY_MRENCLAVE    0x01
#define SGX_POLICY_MRSIGNER     0x02
#define SGX_POLICY_NOISVPRODID  0x04
#define SGX_POLICY_CONFIGID     0x08
#define SGX_POLICY_ISVFAMILYID  0x10
#define SGX_POLICY_ISVEXTPRODID 0x20
#define SGX_POLICY_KSS          0x3c
#define SGX_POLICY_ALL          0x3f

struct sgx_keyrequest {
    _Alignas(512) uint16_t keyname;
    uint16_t keypolicy;
    uint16_t isv_svn;
    uint8_t cet_attributes_mask;
    uint8_t reserved1;
    uint8_t cpusvn[16];
    struct sgx_attributes attribute_mask;
    uint8_t keyid[32];
    uint32_t miscmask;
    uint16_t config_svn;
    uint8_t reserved2[434];
};
static_assert(sizeof(struct sgx_keyrequest) == 512, "SDM table 35-24: KEYREQUEST");
static_assert(offsetof(struct sgx_keyrequest, attribute_mask) == 24, "KEYREQUEST.ATTRIBUTEMASK");
static_assert(offsetof(struct sgx_keyrequest, keyid) == 40, "KEYREQUEST.KEYID");
static_assert(offsetof(struct sgx_keyrequest, config_svn) == 76, "KEYREQUEST.CONFIGSVN");

#endif
