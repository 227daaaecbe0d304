/*
 * Options of encrypt and decrypt, and what they say: progress on a terminal, each file with --verbose,
 * a list of files with --json.
 */
#include "cli/crypt_options.h"

#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pfcrypt.h"
#include "cli/term.h"
#include "cli/term_json.h"

enum { OPTION_PATH = 256, OPTION_JSON, OPTION_NEW_KEY };

static int check_complete(const struct crypt_options *o)
{
    if (!o->key)
        return term_usage("no key: give -w KEY");
    if (o->new_key)
        return o->input || o->output ? term_usage("--new-key only makes a key: leave out -i and -o") : EXIT_OK;
    if (!o->input)
        return term_usage("no input: give -i INPUT");
    return o->output ? EXIT_OK : term_usage("no output: give -o OUTPUT");
}

static int set_option(struct crypt_options *o, int c, bool decrypt)
{
    switch (c) {
    case 'w': o->key = optarg; return 0;
    case 'i': o->input = optarg; return 0;
    case 'o': o->output = optarg; return 0;
    case 'V': o->verify = true; return 0; /* encrypt takes and ignores it, as the reference does */
    case 'v': o->verbose = true; return 0;
    case 'h': o->help = true; return 0;
    case OPTION_PATH: o->path = optarg; return 0;
    case OPTION_JSON: o->json = true; return 0;
    case OPTION_NEW_KEY: o->new_key = true; return decrypt ? -1 : 0;
    default: return -1;
    }
}

int crypt_options_parse(struct crypt_options *o, int argc, char **argv, bool decrypt)
{
    static const struct option options[] = {
        { "wrap-key", required_argument, NULL, 'w' }, { "input", required_argument, NULL, 'i' },
        { "output", required_argument, NULL, 'o' },   { "verify", no_argument, NULL, 'V' },
        { "verbose", no_argument, NULL, 'v' },        { "help", no_argument, NULL, 'h' },
        { "path", required_argument, NULL, OPTION_PATH }, { "json", no_argument, NULL, OPTION_JSON },
        { "new-key", no_argument, NULL, OPTION_NEW_KEY }, { 0 },
    };
    int c;
    memset(o, 0, sizeof(*o));
    opterr = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, ":w:i:o:Vvh", options, NULL)) != -1) {
        if (c == ':')
            return term_usage("option needs an argument: %s", argv[optind - 1]);
        if (set_option(o, c, decrypt))
            return term_usage("unknown option: %s", argv[optind - 1]);
        if (o->help)
            return EXIT_OK;
    }
    if (optind < argc)
        return term_usage("unexpected argument: %s: input and output follow -i and -o", argv[optind]);
    return check_complete(o);
}

/* What the callbacks need. */
struct telling {
    const struct crypt_options *o;
    bool decrypt;
    json_t *files, *skipped;
};

static void tell_progress(void *ctx, const char *path, uint64_t done, uint64_t total)
{
    term_progress(path, done, total);
}

static void tell_done(void *ctx, const struct pfcrypt_file *file)
{
    struct telling *t = ctx;
    term_progress_end();
    if (file->recovered)
        term_note("%s: a write to it was interrupted: this is the content before it, by its recovery file",
                  file->input);
    if (t->o->verbose)
        term_note("%s -> %s (%llu bytes, bound to '%s')", file->input, file->output,
                  (unsigned long long)file->size, file->bound);
    if (t->files)
        json_array_append_new(t->files, json_pack("{s:s, s:s, s:s, s:I, s:b}", "input", file->input, "output",
                                                  file->output, "bound_path", file->bound, "size",
                                                  (json_int_t)file->size, "recovered", file->recovered));
}

static void tell_skipped(void *ctx, const char *path, const char *reason)
{
    struct telling *t = ctx;
    term_note("%s: skipped: %s", path, reason);
    if (t->skipped)
        json_array_append_new(t->skipped, json_string(path));
}

int crypt_run(const struct crypt_options *o, bool decrypt)
{
    struct telling t = { .o = o, .decrypt = decrypt };
    struct pfcrypt p = { .decrypt = decrypt, .verify = o->verify || (decrypt && o->path), .bound = o->path,
                         .ctx = &t, .progress = tell_progress, .done = tell_done, .skipped = tell_skipped };
    struct problem why;
    if (pfcrypt_load_key(o->key, p.key, &why))
        return term_error("%s", why.text);
    if (o->json) {
        t.files = json_array();
        t.skipped = json_array();
    }
    int err = pfcrypt_run(&p, o->input, o->output, &why);
    explicit_bzero(p.key, sizeof(p.key));
    term_progress_end();
    if (err)
        term_error("%s", why.text);
    int code = err ? EXIT_FAILED : EXIT_OK;
    if (!o->json)
        return code;
    /* Also after a failure: these files are done. */
    int printed = term_print_json(json_pack("{s:b, s:o, s:o}", "ok", !err, "files", t.files, "skipped", t.skipped));
    return code ? code : printed;
}

int crypt_new_key(const struct crypt_options *o)
{
    struct problem why;
    if (pfcrypt_make_key(o->key, false, &why))
        return term_error("%s", why.text);
    if (o->verbose)
        term_note("made %s", o->key);
    return EXIT_OK;
}
