/*
 * cloister decrypt: encrypted files and directories into plain ones. The work is done in cli/pfcrypt.c.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/term.h"

static void help(void)
{
    printf("Usage: %s -w KEY -i INPUT -o OUTPUT [OPTION]...\n"
           "Decrypt an encrypted file, or a directory of such recursively.\n\n"
           "OUTPUT appears only when all of INPUT was found good. That it is the newest version of the file\n"
           "cannot be seen: whoever stores it may have put back an old one.\n\n"
           "  -w, --wrap-key KEY   file with the key: 16 raw bytes\n"
           "  -i, --input INPUT    file or directory\n"
           "  -o, --output OUTPUT  file or directory; /dev/stdout works\n"
           "  -V, --verify         INPUT, as given here, must be the path the file is bound to\n"
           "      --path PATH      PATH must be the path the file is bound to\n"
           "      --json           print what was done as JSON\n"
           "  -v, --verbose        name each file\n"
           "  -h, --help           show this\n\n"
           "Exit status: 0 done; 1 failed; 2 wrong command line.\n",
           term_command());
}

int cmd_decrypt(int argc, char **argv)
{
    struct crypt_options o;
    int code = crypt_options_parse(&o, argc, argv, true);
    if (code != EXIT_OK)
        return code;
    if (o.help) {
        help();
        return EXIT_OK;
    }
    return crypt_run(&o, true);
}
