#ifndef MANIFEST_WALK_H
#define MANIFEST_WALK_H

/* The files below a directory, in the order and by the rules of specs/manifest.md §3.6. */
#include <stdint.h>

#include "text/problem.h"

/* Called for each file with its path (the directory as written, joined with names). Nonzero stops.
 */
typedef int walk_visit(void *arg, const char *path, uint64_t size);

/*
 * Walk a directory. Entries that are neither files nor directories after following links are
 * skipped, as are unreadable ones; links to directories are not descended.
 */
int walk_directory(int root, const char *path, walk_visit *visit, void *arg, struct problem *why);

#endif
