/*
 * cloister keygen, gramine-sgx-gen-private-key: make the key that signs enclaves. The work is done
 * in manifest/key.c.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/term.h"
#include "manifest/key.h"

static void help(const char *program)
{
    printf("Usage: %s [-f] [-q] [OUTPUT]\n"
           "Make the RSA-3072 key (public exponent 3) with which you sign enclaves.\n\n"
           "OUTPUT defaults to ${XDG_CONFIG_HOME:-~/.config}/%s/enclave-key.pem. Who has this file "
           "can sign\n"
           "enclaves in your name: keep it private; it is written with mode 0600.\n\n"
           "  -f, --force    overwrite an existing key\n"
           "  -q, --quiet    do not print the path\n"
           "  -v, --verbose  print the path (default)\n"
           "  -h, --help     show this\n\n"
           "Exit status: 0 made; 1 could not be written; 2 wrong command line, or the key exists "
           "already.\n",
           term_command(), program);
}

static int keygen(int argc, char **argv, const char *program)
{
    static const struct option options[] = {
        { "force", no_argument, NULL, 'f' },
        { "quiet", no_argument, NULL, 'q' },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int force = 0, quiet = 0, c;
    char path[PATH_MAX];
    opterr = 0;
    while ((c = getopt_long(argc, argv, "fqvh", options, NULL)) != -1) {
        switch (c) {
        case 'f': force = 1; break;
        case 'q': quiet = 1; break;
        case 'v': quiet = 0; break;
        case 'h': help(program); return EXIT_OK;
        default: return term_usage("unknown option: %s", argv[optind - 1]);
        }
    }
    if (argc - optind > 1)
        return term_usage("too many arguments: %s", argv[optind + 1]);
    if (optind < argc)
        snprintf(path, sizeof(path), "%s", argv[optind]);
    else if (paths_key(program, path, sizeof(path)))
        return term_error(
            "no place for the key: neither XDG_CONFIG_HOME nor HOME is set: name a file");

    struct problem why;
    int ret = key_generate(path, force, &why);
    if (ret) {
        term_error("cannot make key: %s", why.text);
        return ret == -EEXIST ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!quiet)
        printf("Generated private key in '%s'.\n", path);
    return EXIT_OK;
}

int cmd_keygen(int argc, char **argv)
{
    return keygen(argc, argv, "cloister");
}

int cmd_gramine_gen_private_key(int argc, char **argv)
{
    return keygen(argc, argv, "gramine");
}
