#ifndef MANIFEST_MANIFEST_H
#define MANIFEST_MANIFEST_H

/*
 * From a manifest's text to the plan that is measured. `sign` and `run` both go through here, so
 * that they cannot disagree:
 *
 *   load ─▶ (sign only: expand, write) ─▶ manifest_to_plan ─▶ plan bytes ─▶ measure
 *
 * A relative file: URI is relative to the working directory, as in Gramine.
 */
#include <stddef.h>
#include <stdint.h>

#include "manifest/model.h"
#include "text/problem.h"

/* Read, parse and check a manifest. Returns 0 and *out is returned (manifest_free); negative errno.
 */
int manifest_load(const char *path, struct manifest **out, struct problem *why);

/* The same for text in memory; `name` stands in messages. */
int manifest_parse(const char *name, const char *text, size_t size, struct manifest **out,
                   struct problem *why);

void manifest_free(struct manifest *m);

enum manifest_plan_option {
    /* Leave out trusted files that have no digest yet, instead of refusing: `direct` on an unsigned
     * manifest, where the policy is reported and not enforced. Never for a measured plan. */
    MANIFEST_PLAN_UNSIGNED = 1 << 0,
};

/*
 * Write the plan. *out is returned, malloc'ed and 8-byte aligned. Files named by
 * loader.argv_src_file and loader.env_src_file are read now and become part of the plan, hence of
 * the measurement.
 *
 * Returns 0; -EINVAL when trusted files have no digest (not signed) or contradict each other.
 */
int manifest_to_plan(struct manifest *m, unsigned options, uint8_t **out, size_t *size,
                     struct problem *why);

/* The manifest as TOML text, as it stands now (after manifest_expand: .manifest.sgx). *out is
 * returned. */
int manifest_write(const struct manifest *m, char **out, size_t *size, struct problem *why);

/* Insert the defaults that Gramine's tools insert (specs/manifest.md §8) where the text is silent.
 */
int manifest_insert_defaults(struct manifest *m, struct problem *why);

/* Name the file of Merkle trees beside the manifest: sgx.verity_file, in the text and the model. */
int manifest_set_verity_file(struct manifest *m, const char *name, struct problem *why);

/*
 * What a production enclave should not have (specs/runtime.md §11): call `tell` for each such
 * setting with the key and what it gives away.
 */
void manifest_insecure(const struct manifest *m,
                       void (*tell)(void *arg, const char *key, const char *why), void *arg);

#endif
