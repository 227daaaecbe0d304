#ifndef MANIFEST_DIGEST_CACHE_H
#define MANIFEST_DIGEST_CACHE_H

/*
 * Digests of files hashed before, under ${XDG_CACHE_HOME:-~/.cache}/cloister: so that signing /usr
 * again takes seconds. A record is found by path, device, inode, size, mtime and ctime (which no
 * one can set back); it carries a digest of itself, so that a damaged cache is a slow one and never
 * a wrong one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct hash_job;
struct digest_cache;

/* NULL when there is none: every lookup then misses. */
struct digest_cache *digest_cache_load(void);
void digest_cache_free(struct digest_cache *c);

/* The key of a file as it stands; false when it changed so lately that its times prove nothing. */
bool digest_cache_key(const char *path, const struct stat *st, uint8_t key[32]);

/* Fill size, root, sha256 and tree of the job from its cache_key. Safe from several threads. */
bool digest_cache_find(const struct digest_cache *c, struct hash_job *job);

/* Write what was there (unless it grew too large) and what is new in `jobs`. Failing to is no
 * error. */
void digest_cache_save(const struct digest_cache *c, const struct hash_job *jobs, size_t count);

#endif
