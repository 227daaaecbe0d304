/*
 * cloister encrypt: files and directories into the encrypted-file format, for an enclave to read. The
 * work is done in cli/pfcrypt.c. crypt_options.c holds what encrypt and decrypt share.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/term.h"

static void help(void)
{
    printf("Usage: %s -w KEY -i INPUT -o OUTPUT [OPTION]...\n"
           "       %s --new-key -w KEY\n"
           "Encrypt a file, or a directory recursively, so that only an enclave with the key can read it.\n\n"
           "Each file is bound to the path by which the enclave will open it: the host path, spelled as in the uri\n"
           "of the manifest's fs.mounts (without 'file:'), and by default that is OUTPUT as given here. A file\n"
           "that is moved elsewhere does not open. Files are Gramine's, in both directions.\n\n"
           "  -w, --wrap-key KEY   file with the key: 16 raw bytes\n"
           "      --new-key        make the key: a new file, readable by you only\n"
           "  -i, --input INPUT    file or directory\n"
           "  -o, --output OUTPUT  file or directory; replaced when all is done\n"
           "      --path PATH      bind to PATH instead of OUTPUT\n"
           "      --json           print what was done as JSON\n"
           "  -v, --verbose        name each file\n"
           "  -h, --help           show this\n\n"
           "Exit status: 0 done; 1 failed; 2 wrong command line.\n",
           term_command(), term_command());
}

int cmd_encrypt(int argc, char **argv)
{
    struct crypt_options o;
    int code = crypt_options_parse(&o, argc, argv, false);
    if (code != EXIT_OK)
        return code;
    if (o.help) {
        help();
        return EXIT_OK;
    }
    return o.new_key ? crypt_new_key(&o) : crypt_run(&o, false);
}
