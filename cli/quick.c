/*
 * `cloister` itself: small, static, quick to start. It runs programs (cmd_run.c); every other command is in
 * cloister-tools (main.c there), which gets the same words. Called through a link whose name is that of another's
 * program (`gramine-sgx`), it is that program.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/run_parts.h"
#include "cli/term.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} g_commands[] = {
    { "run", cmd_run },
    { "gramine-direct", cmd_gramine_direct },
    { "gramine-sgx", cmd_gramine_sgx },
};

#define COMMAND_COUNT (sizeof(g_commands) / sizeof(g_commands[0]))

int main(int argc, char **argv)
{
    static char prefix[64];
    if (argc < 1)
        return EXIT_USAGE;
    const char *slash = strrchr(argv[0], '/'), *self = slash ? slash + 1 : argv[0];
    run_remember(argv);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = g_commands[i].name;
        bool compatible = strcmp(name, "run") != 0;
        int skip = compatible && strcmp(self, name) == 0 ? 0 : 1;
        if (skip && (argc < 2 || strcmp(argv[1], name) != 0))
            continue;
        snprintf(prefix, sizeof(prefix), "%s%s", compatible ? "" : "cloister ", name);
        term_set_command(prefix);
        return term_finish(g_commands[i].run(argc - skip, argv + skip));
    }
    return run_hand_over();
}
