#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

/*
 * An output file that appears whole or not at all: it is written without a name (or under a temporary
 * one) in the directory of its destination, made durable, and renamed at the end. A file that was
 * there before stays as it is until then. Destinations that are no regular files (/dev/stdout, a pipe)
 * are written directly, when the caller allows it.
 */
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "text/problem.h"

struct outfile {
    int fd;
    bool direct; /* no regular file: written in place, cannot be read back */
    mode_t mode;
    char path[PATH_MAX]; /* where it goes: symbolic links resolved */
    char temp[PATH_MAX]; /* its temporary name; empty when it has none */
};

/* mode: of a new file, before umask; an existing one keeps its own. Returns 0 or negative errno. */
int outfile_open(struct outfile *o, const char *path, mode_t mode, bool allow_direct,
                 struct problem *why);

/* Make it durable and give it its name. On failure it is discarded. */
int outfile_commit(struct outfile *o, struct problem *why);

/* Leave nothing behind. */
void outfile_discard(struct outfile *o);

#endif
