/*
 * gramine-sgx-pf-crypt, pf_crypt: Gramine's and Graphene's command line over cli/pfcrypt.c. As theirs:
 * everything is printed on stderr, MODE counts by its first letter, every failure exits 255, gen-key
 * overwrites. Not as theirs: a missing input is a failure, and so is an unknown option.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/pfcrypt.h"
#include "cli/term.h"

#define PF_FAILED 255

static void usage(void)
{
    fprintf(stderr,
            "Usage: %s MODE [options]\n"
            "Modes:\n"
            "  gen-key                 generate a wrap key\n"
            "  encrypt                 encrypt plaintext files\n"
            "  decrypt                 decrypt encrypted files\n"
            "Options:\n"
            "  -w, --wrap-key PATH     wrap key file (required)\n"
            "  -i, --input PATH        file or directory\n"
            "  -o, --output PATH       file or directory; encrypted files must be opened by exactly this path\n"
            "  -V, --verify            decrypt: the bound path must be the input path\n"
            "  -v, --verbose           more output\n"
            "  -h, --help              show this\n",
            term_command());
}

static void tell_done(void *ctx, const struct pfcrypt_file *file)
{
    const struct pfcrypt *p = ctx;
    fprintf(stderr, "%s: %s -> %s\n", p->decrypt ? "Decrypting" : "Encrypting", file->input, file->output);
    if (!p->decrypt)
        fprintf(stderr, "    bound to the path '%s': use exactly this one in the manifest\n", file->bound);
}

static void tell_skipped(void *ctx, const char *path, const char *reason)
{
    fprintf(stderr, "Skipping %s: %s\n", path, reason);
}

static int run_mode(char mode, const struct crypt_options *o)
{
    struct problem why;
    struct pfcrypt p = { .decrypt = mode == 'd', .verify = mode == 'd' && o->verify, .ctx = &p,
                         .done = tell_done, .skipped = tell_skipped };
    if (mode == 'g') {
        if (pfcrypt_make_key(o->key, true, &why)) {
            term_error("%s", why.text);
            return PF_FAILED;
        }
        fprintf(stderr, "Wrap key saved to: %s\n", o->key);
        return 0;
    }
    if (!o->input || !o->output) {
        usage();
        return PF_FAILED;
    }
    int err = pfcrypt_load_key(o->key, p.key, &why);
    if (!err)
        err = pfcrypt_run(&p, o->input, o->output, &why);
    explicit_bzero(p.key, sizeof(p.key));
    if (err)
        term_error("%s", why.text);
    return err ? PF_FAILED : 0;
}

int cmd_pf_crypt(int argc, char **argv)
{
    static const struct option options[] = {
        { "wrap-key", required_argument, NULL, 'w' }, { "input", required_argument, NULL, 'i' },
        { "output", required_argument, NULL, 'o' },   { "verify", no_argument, NULL, 'V' },
        { "verbose", no_argument, NULL, 'v' },        { "help", no_argument, NULL, 'h' }, { 0 },
    };
    struct crypt_options o = { 0 };
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "w:i:o:Vvh", options, NULL)) != -1) {
        switch (c) {
        case 'w': o.key = optarg; break;
        case 'i': o.input = optarg; break;
        case 'o': o.output = optarg; break;
        case 'V': o.verify = true; break;
        case 'v': o.verbose = true; break;
        case 'h': usage(); return 0;
        default: term_error("unknown option: %s", argv[optind - 1]); usage(); return PF_FAILED;
        }
    }
    char mode = optind < argc ? argv[optind][0] : 0;
    if (!mode || !strchr("ged", mode)) {
        term_error(mode ? "unknown mode: %s" : "no mode given", argv[optind < argc ? optind : 0]);
        usage();
        return PF_FAILED;
    }
    if (!o.key) {
        term_error("no wrap key: give -w PATH");
        usage();
        return PF_FAILED;
    }
    return run_mode(mode, &o);
}
