#ifndef LIBOS_FS_DIRFILE_H
#define LIBOS_FS_DIRFILE_H

/*
 * Open directories of our own file systems: `.`, `..`, then what the file system emits, then pinned
 * children that it did not emit. Positions: 0 ".", 1 "..", from DIRFILE_FIRST the file system's own,
 * from DIRFILE_PINNED the pinned ones.
 */
#include "libos/fs/file.h"

#define DIRFILE_FIRST  2
#define DIRFILE_PINNED (INT64_C(1) << 62)

/*
 * Emit entries from *pos (>= DIRFILE_FIRST) on, setting *pos behind each one taken. Returns 0 at the
 * end; a negative errno, -ENOSPC when the sink was full.
 */
typedef int dirfile_emit(struct file *f, struct dirent_sink *sink, int64_t *pos);

/* An open directory; takes its own reference to d. */
int dirfile_open(struct dentry *d, uint32_t flags, dirfile_emit *emit, struct file **out);

/* For open directories of other kinds: emit d's pinned children from *pos (>= DIRFILE_PINNED). */
int dirfile_emit_pinned(struct dentry *d, struct dirent_sink *sink, int64_t *pos);
/* A sink before another: drops names for which d has a pinned child, since those are emitted at the end. */
struct dirfile_filter {
    struct dirent_sink sink, *to;
    struct dentry *d;
};
struct dirent_sink *dirfile_filter_init(struct dirfile_filter *filter, struct dentry *d, struct dirent_sink *to);
uint8_t dirfile_type(uint32_t mode); /* DT_* */

#endif
