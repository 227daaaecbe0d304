#ifndef LIB_ENCFILE_META_H
#define LIB_ENCFILE_META_H

/* Node 0: header and metadata. */
#include "lib/encfile/file.h"

/* Begin a new file in memory; nothing is written. */
int encfile_meta_init(struct encfile *f, const char *path);

/* Check f->header as read from disk; turn version 1 into version 2 in memory. */
int encfile_meta_accept_header(struct encfile *f);

/* Open the sealed part into f->meta and check the bound path (NULL: do not). */
int encfile_meta_open(struct encfile *f, const char *path);

/* Seal f->meta into f->header under a fresh key, flag clear. */
int encfile_meta_seal(struct encfile *f);

int encfile_meta_set_path(struct encfile *f, const char *path);

#endif
