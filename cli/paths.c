/*
 * Finds the parts of Cloister in a build tree and when installed. The environment variables are for
 * development: the image is measured and the launcher is trusted by no one, so pointing them
 * elsewhere gains an attacker nothing. Start at paths_find().
 */
#include "cli/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/install_dirs.h"

static const struct {
    const char *name, *variable;
} g_parts[PATH_PART_COUNT] = {
    [PATH_IMAGE] = { "cloister.enclave", "CLOISTER_IMAGE" },
    [PATH_HOST] = { "cloister-host", "CLOISTER_HOST" },
    [PATH_RENDER] = { "cloister_render.py", "CLOISTER_RENDER" },
    [PATH_GDB] = { "gdb/cloister.py", "CLOISTER_GDB" },
};

/*
 * Tried in order, relative to the directory of the executable: the same directory, a build tree
 * (BUILD/cli/cloister), and an installed one (PREFIX/bin/cloister).
 */
static const char *const g_places[] = {
    ".",
    "..",
    "../enclave",
    "../libos",
    "../host",
    "../attest",
    "../python",
    "../../python",
    "../../tools",
    "../lib/cloister",
    "../libexec/cloister",
    "../share/cloister",
    "../../lib/cloister", /* of PREFIX/libexec/cloister/cloister-tools */
    "../../share/cloister",
};

static int own_directory(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0)
        return -errno;
    out[n] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
    return 0;
}

int paths_find_named(const char *name, char *out, size_t size)
{
    char self[PATH_MAX];
    if (own_directory(self, sizeof(self)) == 0) {
        for (size_t i = 0; i < sizeof(g_places) / sizeof(g_places[0]); i++) {
            snprintf(out, size, "%s/%s/%s", self, g_places[i], name);
            if (access(out, R_OK) == 0)
                return 0;
        }
    }
    static const char *const installed[] = { INSTALL_LIBDIR, INSTALL_LIBEXECDIR };
    for (size_t i = 0; i < 2; i++) {
        snprintf(out, size, "%s/%s", installed[i], name);
        if (access(out, R_OK) == 0)
            return 0;
    }
    snprintf(out, size, "%s/%s", INSTALL_LIBDIR, name);
    return -ENOENT;
}

const char *paths_named(enum path_part part, const char *given)
{
    const char *fixed = given ? given : getenv(g_parts[part].variable);
    return fixed && *fixed ? fixed : NULL;
}

int paths_find(enum path_part part, const char *given, char *out, size_t size)
{
    const char *fixed = paths_named(part, given);
    if (!fixed)
        return paths_find_named(g_parts[part].name, out, size);
    snprintf(out, size, "%s", fixed);
    return access(out, R_OK) == 0 ? 0 : -errno;
}

int paths_key(const char *program, char *out, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (config && *config)
        snprintf(out, size, "%s/%s/enclave-key.pem", config, program);
    else if (home && *home)
        snprintf(out, size, "%s/.config/%s/enclave-key.pem", home, program);
    else
        return -ENOENT;
    return 0;
}
