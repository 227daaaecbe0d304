#ifndef LIB_ENCFILE_FLUSH_H
#define LIB_ENCFILE_FLUSH_H

/* Handing changed nodes to the host, with and without a recovery file. */
#include "lib/encfile/file.h"

/*
 * Write everything that changed. On failure all of it stays dirty, and the next flush writes it
 * again; what is on the host may then be torn.
 */
int encfile_flush_all(struct encfile *f);

#endif
