#ifndef LIB_PLAN_PLAN_H
#define LIB_PLAN_PLAN_H

/*
 * The enclave plan: what a manifest says, as flat, canonical, measured bytes.
 *
 * manifest/ writes it (plan_build.c there), lib/plan reads it. The trusted side calls plan_open()
 * once on bytes that are already measured; nevertheless every offset and enum is checked, because
 * `direct` and the tools read plans from files. All integers little endian; all offsets count from
 * the first byte of the plan; every string is NUL-terminated inside the plan and its length excludes
 * the NUL. Two runs on the same manifest give the same bytes: arrays are in manifest order, but
 * `trusted` is sorted by path (byte order) and has no duplicates; unused bytes are zero.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC   "CLOPLAN" /* 8 bytes with its NUL */
#define PLAN_VERSION 1
#define PLAN_MAX     (UINT32_C(1) << 30)
#define PLAN_PATH_MAX 4096 /* of a path in a plan, with its NUL */

struct plan_str {
    uint32_t offset, length;
};

struct plan_array {
    uint32_t offset, count; /* offset is 8-byte aligned */
};

enum plan_flag {
    PLAN_DEBUG = 1 << 0,                /* sgx.debug */
    PLAN_EDMM = 1 << 1,                 /* sgx.edmm_enable */
    PLAN_EXINFO = 1 << 2,               /* sgx.use_exinfo */
    PLAN_CMDLINE_ARGV = 1 << 3,         /* loader.insecure__use_cmdline_argv */
    PLAN_HOST_ENV = 1 << 4,             /* loader.insecure__use_host_env */
    PLAN_DISABLE_ASLR = 1 << 5,         /* loader.insecure__disable_aslr */
    PLAN_CHECK_POINTERS = 1 << 6,       /* libos.check_invalid_pointers */
    PLAN_ALLOW_EVENTFD = 1 << 7,        /* sys.insecure__allow_eventfd */
    PLAN_SIGTERM = 1 << 8,              /* sys.enable_sigterm_injection */
    PLAN_NO_SUBPROCESSES = 1 << 9,      /* sys.disallow_subprocesses */
    PLAN_FLOCK = 1 << 10,               /* sys.experimental__enable_flock */
    PLAN_DOMAIN_CONF = 1 << 11,         /* sys.enable_extra_runtime_domain_names_conf */
    PLAN_STATS = 1 << 12,               /* sgx.enable_stats */
    PLAN_POLICY_ALLOW_ALL = 1 << 13,    /* sgx.file_check_policy = "allow_all_but_log" */
    PLAN_MEMFAULT_NO_EXINFO = 1 << 14,  /* sgx.insecure__allow_memfaults_without_exinfo */
    PLAN_PREHEAT = 1 << 15,             /* sgx.preheat_enclave */
    PLAN_FLAGS_ALL = (1 << 16) - 1,
};

enum plan_log_level { PLAN_LOG_NONE, PLAN_LOG_ERROR, PLAN_LOG_WARNING, PLAN_LOG_DEBUG, PLAN_LOG_TRACE, PLAN_LOG_ALL, PLAN_LOG_COUNT };

enum plan_attestation { PLAN_ATTEST_NONE, PLAN_ATTEST_DCAP, PLAN_ATTEST_COUNT };

enum plan_mount_type { PLAN_MOUNT_HOST, PLAN_MOUNT_ENCRYPTED, PLAN_MOUNT_TMPFS, PLAN_MOUNT_SHM, PLAN_MOUNT_COUNT };

enum plan_mount_flag { PLAN_MOUNT_RECOVERY = 1 << 0, PLAN_MOUNT_DEVICE = 1 << 1 /* uri was dev: */ };

struct plan_mount {
    uint32_t type, flags;
    struct plan_str path; /* in the enclave, absolute, normalised; mounts[0] is "/" */
    struct plan_str host; /* normalised host path without the "file:"; empty for tmpfs */
    struct plan_str key;  /* key name, only encrypted */
};

enum plan_trusted_flag { PLAN_TRUSTED_VERITY = 1 << 0, PLAN_TRUSTED_SHA256 = 1 << 1 };

/*
 * One trusted file. With VERITY, `root` is its fs-verity Merkle root over `size` bytes (SHA-256,
 * 4096-byte blocks, no salt) and the tree's levels stand in APP.verity at tree_offset (untrusted).
 * With SHA256 only (a hash given in the manifest for a file not present at signing), size is 0 and the
 * whole file is hashed at first open.
 */
struct plan_trusted {
    struct plan_str path; /* normalised host path */
    uint64_t size;
    uint64_t tree_offset;
    uint32_t flags, pad;
    uint8_t root[32];
    uint8_t sha256[32];
};

struct plan_env {
    struct plan_str name, value;
    uint32_t passthrough, pad; /* 1: take the host's value; `value` is then empty */
};

struct plan_key {
    struct plan_str name;
    uint8_t key[16];
};

struct plan_mock {
    uint32_t nr, pad;
    int64_t result;
};

/* The fixed first part of a plan. sizeof is part of the format. */
struct plan_header {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of the whole plan */
    uint32_t flags; /* enum plan_flag */
    uint32_t log_level;
    uint32_t attestation;
    uint32_t max_threads;
    uint64_t enclave_size;
    uint64_t attributes_flags, attributes_xfrm, attributes_xfrm_mask; /* as in SIGSTRUCT */
    uint32_t misc_select, misc_mask;
    uint16_t isv_prod_id, isv_svn;
    uint32_t uid, gid;
    uint32_t fds_limit;
    uint64_t stack_size, brk_max;
    uint64_t seal_flags_mask, seal_xfrm_mask;
    uint32_t seal_misc_mask, rpc_threads;
    uint64_t host_signals; /* bit n-1: host signal n reaches the program */
    struct plan_str entrypoint, start_dir, log_file;
    struct plan_str verity_file; /* host path of APP.verity, relative to the manifest's directory */
    struct plan_array argv;      /* struct plan_str */
    struct plan_array env;       /* struct plan_env */
    struct plan_array mounts;    /* struct plan_mount; at least one */
    struct plan_array trusted;   /* struct plan_trusted, sorted */
    struct plan_array allowed;   /* struct plan_str, normalised host paths */
    struct plan_array keys;      /* struct plan_key: fs.insecure__keys */
    struct plan_array mocks;     /* struct plan_mock */
};

/* A plan that plan_open() accepted. Borrows the bytes. */
#define PLAN_DIRECTORY_BITS 8192u

struct plan {
    const struct plan_header *h;
    const uint8_t *bytes;
    uint64_t directories[PLAN_DIRECTORY_BITS / 64]; /* by hash: that hold a trusted file; noted by plan_open */
};

/*
 * Check a plan's bytes once. Afterwards every accessor below is safe.
 *
 * data   8-byte aligned
 * Returns 0; -EINVAL when any magic, version, offset, enum, string or order is wrong.
 */
int plan_open(const void *data, size_t size, struct plan *out);

/*
 * Only the header and the strings that it names itself: for the untrusted launcher and the command, which use nothing else
 * and would read all of a plan of megabytes otherwise. plan_items() and the look-ups below are NOT safe after this.
 */
int plan_open_head(const void *data, size_t size, struct plan *out);

static inline const char *plan_string(const struct plan *p, struct plan_str s)
{
    return (const char *)p->bytes + s.offset;
}

static inline const void *plan_items(const struct plan *p, struct plan_array a)
{
    return p->bytes + a.offset;
}

/* Find a trusted file by normalised host path (binary search); NULL when it is not listed. */
const struct plan_trusted *plan_find_trusted(const struct plan *p, const char *path, size_t length);

/* Where it stands in the list, or would: between entries index - 1 and index, whose paths begin
 * with so many of its bytes. apart: no entry is in its directory, and its place was not looked for. */
struct plan_position {
    const struct plan_trusted *entry; /* NULL: not listed */
    bool apart;
    uint32_t index;
    size_t same_before, same_after;
};
struct plan_position plan_position_of(const struct plan *p, const char *path, size_t length);

/*
 * Of a path that is not listed: does one of its neighbours in the list lie in the same directory?
 * true only if a trusted file does; false may be said of a directory whose files stand farther off.
 */
bool plan_position_has_sibling(const struct plan *p, const struct plan_position *place,
                               const char *path, size_t length);

/*
 * Is a normalised host path allowed: equal to an entry, or below one at a '/' boundary? The entry "/"
 * holds every absolute path, "." every relative one that does not start with "..".
 */
bool plan_is_allowed(const struct plan *p, const char *path, size_t length);

/* The same question for one entry: is `path` equal to `top` or below it? */
bool plan_path_is_below(const char *top, size_t top_length, const char *path, size_t length);

/*
 * Normalise a path as file lists and encrypted-file bindings do (specs/manifest.md §3.8): no empty
 * and "." components, ".." removes the one before; a relative path stays relative and keeps leading
 * ".."; a relative path of which nothing remains is ".". Returns the length (without the NUL that is
 * written), -ENAMETOOLONG, or -EINVAL for a path with a NUL in it or of length 0.
 */
int64_t plan_normalise(const char *path, size_t length, char *out, size_t out_size);

#endif
