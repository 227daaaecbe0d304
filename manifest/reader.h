#ifndef MANIFEST_READER_H
#define MANIFEST_READER_H

/*
 * What the files that read a manifest's tree share: the reader, and messages of one shape,
 * "FILE:LINE:COLUMN: KEY: why".
 */
#include "manifest/model.h"
#include "text/problem.h"

struct reader {
    struct manifest *m;
    struct problem *why;
};

/* Returns -EINVAL. */
int reader_fail(struct reader *r, const struct toml_node *node, const char *key, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
int reader_no_memory(struct reader *r); /* -ENOMEM */

/* Typed values; a wrong type is an error that names both types. Strings hold no NUL and are
 * borrowed. */
int reader_string(struct reader *r, const struct toml_node *node, const char *key,
                  const char **out);
int reader_bool(struct reader *r, const struct toml_node *node, const char *key, bool *out);
int reader_int(struct reader *r, const struct toml_node *node, const char *key, int64_t min,
               int64_t max, int64_t *out);
int reader_size(struct reader *r, const struct toml_node *node, const char *key, uint64_t *out);
int reader_is(struct reader *r, const struct toml_node *node, const char *key, enum toml_kind kind);

/* Every member of the table must be one of `names` (NULL-terminated). */
int reader_members(struct reader *r, const struct toml_node *table, const char *key,
                   const char *const *names);

/* "file:..." or, when `dev` is not NULL, "dev:..." (then *dev is set): the normalised path, in the
 * arena. */
int reader_uri(struct reader *r, const struct toml_node *node, const char *key, bool *dev,
               const char **path);

/* Handlers of the keys that hold lists; each takes the whole value (manifest/lists.c,
 * manifest/mounts.c). */
int read_env(struct reader *r, const struct toml_node *node, const char *key);
int read_trusted(struct reader *r, const struct toml_node *node, const char *key);
int read_allowed(struct reader *r, const struct toml_node *node, const char *key);
int read_keys(struct reader *r, const struct toml_node *node, const char *key);
int read_mocks(struct reader *r, const struct toml_node *node, const char *key);
int read_signals(struct reader *r, const struct toml_node *node, const char *key);
int read_mounts(struct reader *r, const struct toml_node *node, const char *key);
int read_root(struct reader *r, const struct toml_node *node, const char *key);

/* After the walk: the root mount when fs.root is absent, and whether mounts fit together. */
int mounts_default_root(struct reader *r);
int mounts_check(struct reader *r);

/* Checks between keys, after everything is read (manifest/check.c). */
int manifest_check(struct reader *r);

/* The schema walk (manifest/schema.c). */
int schema_read(struct reader *r);

#endif
