#ifndef MANIFEST_MODEL_H
#define MANIFEST_MODEL_H

/*
 * A manifest as a checked model: what schema.c makes of the TOML tree and plan_build.c writes as a
 * plan. Strings are borrowed from the tree or owned by the arena; both live as long as the
 * manifest.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/plan/plan.h"
#include "manifest/arena.h"
#include "text/toml.h"

enum manifest_feature { FEATURE_UNSPECIFIED, FEATURE_DISABLED, FEATURE_REQUIRED };

struct manifest_strings {
    const char **items;
    size_t count;
};

struct manifest_mount {
    uint32_t type, flags; /* enum plan_mount_type, plan_mount_flag */
    const char *path;     /* normalised */
    const char *host;     /* normalised, "" for tmpfs */
    const char *key;      /* "" unless encrypted */
    const struct toml_node *node;
};

struct manifest_env {
    const char *name, *value;
    bool passthrough;
};

/* One element of sgx.trusted_files, or one file found below one. */
struct manifest_trusted {
    const char *uri;  /* as written or generated: "file:" path */
    const char *path; /* normalised */
    uint32_t flags;   /* enum plan_trusted_flag; 0: not hashed yet */
    uint64_t size, tree_offset;
    uint8_t root[32], sha256[32];
    const struct toml_node *node; /* the element it came from, for messages */
};

struct manifest_key {
    const char *name;
    uint8_t key[16];
};

struct manifest_mock {
    uint32_t nr;
    int64_t result;
};

struct manifest {
    char *name; /* of the file, for messages */
    struct toml_node *tree;
    struct arena arena;

    uint32_t flags; /* enum plan_flag */
    uint32_t log_level, attestation, max_threads, isv_prod_id, isv_svn, uid, gid, fds_limit;
    uint64_t enclave_size, stack_size, brk_max;
    uint64_t seal_flags_mask, seal_xfrm_mask, seal_misc_mask;
    uint64_t host_signals;
    uint32_t avx, avx512, amx, mpx, pkru; /* enum manifest_feature */
    const char *entrypoint;               /* as written */
    const char *start_dir, *log_file, *verity_file;
    const char *argv_src, *env_src; /* URIs or NULL */
    struct manifest_strings argv, allowed /* normalised */;

    struct manifest_env *env;
    size_t env_count;
    struct manifest_mount *mounts; /* [0] is the root */
    size_t mount_count;
    struct manifest_trusted *trusted;
    size_t trusted_count;
    struct manifest_key *keys;
    size_t key_count;
    struct manifest_mock *mocks;
    size_t mock_count;
};

#endif
