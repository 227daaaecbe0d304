/*
 * The one command. A table of subcommands and compatible names, and nothing else: what each does
 * stands in cli/cmd_NAME.c. Called through a link whose name is in the table (`gramine-sgx-sign`), it
 * behaves as that program. Exit codes: enum exit_code in cli/commands.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/term.h"
#include "cli/version.h"
#include "text/nearest.h"

struct command {
    const char *name;
    const char *summary; /* NULL: a compatible name, found by argv[0] or as a subcommand, not listed */
    int (*run)(int argc, char **argv);
};

/* In the order of --help: what one does first stands first. */
static const struct command g_commands[] = {
    { "keygen", "make a key that signs enclaves", cmd_keygen },
    { "manifest", "render a manifest template, check a manifest", cmd_manifest },
    { "sign", "measure and sign an enclave", cmd_sign },
    { "run", "run a program in an enclave", cmd_run },
    { "inspect", "show what is in a signature, manifest, plan, quote, encrypted file or image", cmd_inspect },
    { "encrypt", "encrypt files for an enclave", cmd_encrypt },
    { "decrypt", "decrypt such files", cmd_decrypt },
    { "doctor", "say what this machine can run, and what to do about what it cannot", cmd_doctor },
    { "quote", "verify a quote, or show what it claims", cmd_quote },
    { "collateral", "fetch, show, bundle and serve what a verifier needs beside a quote", cmd_collateral },
    { "secret-server", "release a secret to enclaves that prove who they are", cmd_secret_server },
    { "quoting-service", "serve quotes of the software SGX device", cmd_quoting_service },

    { "gramine-direct", NULL, cmd_gramine_direct },
    { "gramine-sgx", NULL, cmd_gramine_sgx },
    { "gramine-manifest", NULL, cmd_gramine_manifest },
    { "gramine-manifest-check", NULL, cmd_gramine_manifest_check },
    { "gramine-sgx-gen-private-key", NULL, cmd_gramine_gen_private_key },
    { "gramine-sgx-sign", NULL, cmd_gramine_sign },
    { "gramine-sgx-sigstruct-view", NULL, cmd_gramine_sigstruct_view },
    { "gramine-sgx-pf-crypt", NULL, cmd_pf_crypt },
    { "pf_crypt", NULL, cmd_pf_crypt },
};

#define COMMAND_COUNT (sizeof(g_commands) / sizeof(g_commands[0]))

static void help(FILE *to)
{
    fputs("Usage: cloister COMMAND [OPTION]...\n"
          "Run unmodified Linux programs inside Intel SGX enclaves, and prove it.\n\nCommands:\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (g_commands[i].summary)
            fprintf(to, "  %-14s %s\n", g_commands[i].name, g_commands[i].summary);
    fputs("\n  --help         show this; 'cloister COMMAND --help' says more\n"
          "  --version      show the version\n\n"
          "Exit status: 0 done; 1 failed, and one line on stderr says what, where and why; 2 the command line is wrong.\n"
          "'cloister run' exits as the program it runs.\n", to);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(g_commands[i].name, name) == 0)
            return &g_commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (g_commands[i].summary)
            names[count++] = g_commands[i].name;
    names[count] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        return term_usage("unknown command: %s: did you mean '%s'?", name, near);
    return term_usage("unknown command: %s", name);
}

static int run_command(const struct command *c, int argc, char **argv, bool by_own_name)
{
    static char prefix[64];
    snprintf(prefix, sizeof(prefix), "%s%s", by_own_name ? "" : "cloister ", c->name);
    term_set_command(prefix);
    return term_finish(c->run(argc, argv));
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *self = argc > 0 ? (slash ? slash + 1 : argv[0]) : "cloister";
    const struct command *c = find_command(self);
    if (c && !c->summary) {
        argv[0] = (char *)self;
        return run_command(c, argc, argv, true);
    }
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        return term_finish(EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("cloister " CLOISTER_VERSION);
        return term_finish(EXIT_OK);
    }
    c = find_command(argv[1]);
    if (!c)
        return unknown_command(argv[1]);
    return run_command(c, argc - 1, argv + 1, !c->summary);
}
