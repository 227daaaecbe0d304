#ifndef LIB_ENCFILE_JOURNAL_H
#define LIB_ENCFILE_JOURNAL_H

/* The recovery file: an undo log of one flush. */
#include "lib/encfile/file.h"

/* Save what the flush is going to overwrite, then mark node 0 on the host as "write pending". */
int encfile_journal_begin(struct encfile *f);

/* Put the saved nodes back and read node 0 again. */
int encfile_journal_undo(struct encfile *f);

#endif
