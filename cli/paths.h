#ifndef CLI_PATHS_H
#define CLI_PATHS_H

/*
 * Where our own parts stand: beside the executable in a build tree, under PREFIX/lib/cloister and
 * PREFIX/libexec/cloister when installed. The one place that knows both.
 */
#include <stddef.h>

enum path_part {
    PATH_IMAGE,  /* cloister.enclave */
    PATH_HOST,   /* cloister-host, the launcher */
    PATH_RENDER, /* cloister_render.py */
    PATH_GDB,    /* gdb/cloister.py */
    PATH_PART_COUNT,
};

/*
 * Find a part: `given` when not NULL, else its environment variable (CLOISTER_IMAGE, CLOISTER_HOST,
 * CLOISTER_RENDER), else the places above. Returns 0; -ENOENT with `out` holding the likeliest
 * place.
 */
int paths_find(enum path_part part, const char *given, char *out, size_t size);

/* What names a part instead of the places above: `given` or its environment variable; NULL when nothing does. */
const char *paths_named(enum path_part part, const char *given);

/* Any other file of ours by its installed name, e.g. "libsecret_prov.so". */
int paths_find_named(const char *name, char *out, size_t size);

/*
 * The default signing key: ${XDG_CONFIG_HOME:-~/.config}/PROGRAM/enclave-key.pem, where program is
 * "cloister" or "gramine". Returns 0; -ENOENT no home directory.
 */
int paths_key(const char *program, char *out, size_t size);

#endif
