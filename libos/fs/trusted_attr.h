#ifndef LIBOS_FS_TRUSTED_ATTR_H
#define LIBOS_FS_TRUSTED_ATTR_H

/*
 * Attributes of trusted files, kept after the host told them once: such files do not change while a program runs. In
 * direct, where nobody enforces that and people edit files while a program runs, they are kept for a tenth of a second.
 */
#include <stdbool.h>
#include <stdint.h>

#define TRUSTED_ATTR_DIRECT_NS 100000000

struct linux_stat;
struct plan_trusted;

/* entry may be NULL. nofollow: asked as lstat asks; what was told of a link's target is no answer then. */
bool trusted_attr_get(const struct plan_trusted *entry, bool nofollow, struct linux_stat *st);

/* Before asking the host, so that an answer from before a change is not kept after it. */
uint64_t trusted_attr_begin(void);
/* When what is put now is no longer told: a time of CLOCK_MONOTONIC. */
int64_t trusted_attr_until(void);
/* Still told? The generation is that of trusted_attr_begin(). */
bool trusted_attr_fresh(int64_t until, uint64_t generation);
/* Keep what the host said of the entry's path; entries and types that cannot be kept are ignored. */
void trusted_attr_put(const struct plan_trusted *entry, bool nofollow, uint64_t begin, const struct linux_stat *st);

/* After the program changed names or attributes on the host: forget all. */
void trusted_attr_forget(void);
/* In direct, before the program writes a trusted file: never keep anything again. */
void trusted_attr_stop(void);

#endif
