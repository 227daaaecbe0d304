/*
 * cloister sign, gramine-sgx-sign: hash what a manifest trusts, measure the enclave, sign it. Files
 * are written only after everything that can fail has been done, each under a temporary name first.
 * Start at sign().
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cli/commands.h"
#include "cli/layout_print.h"
#include "cli/paths.h"
#include "cli/term.h"
#include "lib/base/str.h"
#include "manifest/disk.h"
#include "manifest/expand.h"
#include "manifest/key.h"
#include "manifest/sign.h"

struct sign_options {
    bool compatible; /* called as gramine-sgx-sign: its defaults and exit codes */
    bool dry_run, verbose, quiet, no_cache;
    const char *manifest, *output, *image, *key, *passphrase, *date, *depfile, *chroot, *sigfile;
};

/* Everything that signing makes, in memory until it is complete. */
struct signing {
    const struct sign_options *o;
    char output[PATH_MAX], sigfile[PATH_MAX], verity_path[PATH_MAX], verity_name[NAME_MAX + 1];
    char image_path[PATH_MAX], key_path[PATH_MAX];
    struct manifest *source; /* as given, then expanded */
    struct manifest
        *measured; /* parsed again from the text that is written: what `run` will read */
    char *text;
    size_t text_size;
    uint8_t *trees, *plan_bytes;
    size_t trees_size, plan_size;
    struct plan plan;
    struct image_file image;
    struct layout layout;
    uint8_t mrenclave[SGX_HASH_SIZE];
    EVP_PKEY *key;
    uint32_t date;
    struct sgx_sigstruct sig;
    struct problem why;
};

static void help(bool compatible)
{
    printf("Usage: %s %s\n"
           "Hash the trusted files of a manifest, measure the enclave and sign it. Writes OUTPUT "
           "(the manifest with\n"
           "digests), the signature beside it (.sig) and the Merkle trees of the trusted files "
           "(.verity).\n\n"
           "  -m, --manifest FILE   the manifest to sign\n"
           "  -o, --output FILE     where the signed manifest goes%s\n"
           "  -s, --sigfile FILE    where the signature goes (default: OUTPUT with .manifest.sgx "
           "replaced by .sig)\n"
           "  -k, --key FILE        the signing key (default: "
           "${XDG_CONFIG_HOME:-~/.config}/%s/enclave-key.pem)\n"
           "  -p, --passphrase TEXT passphrase of an encrypted key\n"
           "  -l, --image FILE      the enclave image (default: $CLOISTER_IMAGE, or beside this "
           "program); also --libpal\n"
           "  -d, --date DATE       date in the signature: today (default) or YYYY-MM-DD\n"
           "      --chroot DIR      take trusted files from inside DIR\n"
           "      --depfile FILE    write what was read as a Make rule\n"
           "      --no-cache        hash all files again\n"
           "  -n, --dry-run         print the measurement only: needs no key and no SGX, writes "
           "nothing\n"
           "  -v, --verbose         print the layout of the enclave%s\n"
           "  -q, --quiet           print nothing but errors\n"
           "  -h, --help            show this\n\n"
           "Exit status: 0 signed; 1 failed%s; 2 wrong command line%s.\n",
           term_command(),
           compatible ? "-m MANIFEST -o OUTPUT [OPTION]..." : "[OPTION]... [MANIFEST]",
           compatible ? "" : " (default: MANIFEST.sgx)", compatible ? "gramine" : "cloister",
           compatible ? " (default)" : "",
           compatible ? "" : " (a file is missing, a key does not fit, ...)",
           compatible ? ", a missing file, or a key that does not fit" : "");
}

static int set_option(struct sign_options *o, int option, const char *value)
{
    switch (option) {
    case 'm': o->manifest = value; break;
    case 'o': o->output = value; break;
    case 's': o->sigfile = value; break;
    case 'k': o->key = value; break;
    case 'p': o->passphrase = value; break;
    case 'l': o->image = value; break;
    case 'd': o->date = value; break;
    case 'C': o->chroot = value; break;
    case 'D': o->depfile = value; break;
    case 'N': o->no_cache = true; break;
    case 'n': o->dry_run = true; break;
    case 'v':
        o->verbose = true;
        o->quiet = false;
        break;
    case 'q':
        o->quiet = true;
        o->verbose = false;
        break;
    case 'W':
        if (strcmp(value, "file") != 0)
            return term_usage("unknown signing plugin: %s: only 'file' is built in", value);
        break;
    default: return -1;
    }
    return 0;
}

static int parse_options(int argc, char **argv, struct sign_options *o)
{
    static const struct option options[] = {
        { "manifest", required_argument, NULL, 'm' },
        { "output", required_argument, NULL, 'o' },
        { "sigfile", required_argument, NULL, 's' },
        { "key", required_argument, NULL, 'k' },
        { "passphrase", required_argument, NULL, 'p' },
        { "password", required_argument, NULL, 'p' },
        { "image", required_argument, NULL, 'l' },
        { "libpal", required_argument, NULL, 'l' },
        { "date", required_argument, NULL, 'd' },
        { "chroot", required_argument, NULL, 'C' },
        { "depfile", required_argument, NULL, 'D' },
        { "no-cache", no_argument, NULL, 'N' },
        { "dry-run", no_argument, NULL, 'n' },
        { "verbose", no_argument, NULL, 'v' },
        { "quiet", no_argument, NULL, 'q' },
        { "with", required_argument, NULL, 'W' },
        { "help", no_argument, NULL, 'h' },
        { "help-file", no_argument, NULL, 'h' },
        { 0 },
    };
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":m:o:s:k:p:l:d:nvqh", options, NULL)) != -1) {
        if (c == 'h') {
            help(o->compatible);
            return -1;
        }
        if (c == ':')
            return term_usage("option needs a value: %s", argv[optind - 1]);
        int ret = set_option(o, c, optarg);
        if (ret)
            return ret < 0 ? term_usage("unknown option: %s", argv[optind - 1]) : ret;
    }
    if (!o->compatible && !o->manifest && optind < argc)
        o->manifest = argv[optind++];
    if (optind < argc)
        return term_usage("unexpected argument: %s", argv[optind]);
    if (!o->manifest)
        return term_usage("no manifest given: -m FILE");
    if (o->compatible && !o->output)
        return term_usage("no output given: -o FILE");
    return 0;
}

/* "dir/app.manifest.sgx" and ".sig": "dir/app.sig". */
static int replace_ending(const char *path, const char *const *endings, const char *by,
                          char out[PATH_MAX])
{
    size_t length = strlen(path);
    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (length > n && strcmp(path + length - n, *endings) == 0) {
            length -= n;
            break;
        }
    }
    return snprintf(out, PATH_MAX, "%.*s%s", (int)length, path, by) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int choose_names(struct signing *s)
{
    static const char *const endings[] = { ".manifest.sgx", ".manifest", ".sgx", NULL };
    const struct sign_options *o = s->o;
    int n = snprintf(s->output, PATH_MAX, "%s%s", o->output ? o->output : o->manifest,
                     o->output ? "" : ".sgx");
    if (n >= PATH_MAX || replace_ending(s->output, endings, ".verity", s->verity_path) ||
        replace_ending(o->compatible ? o->manifest : s->output, endings, ".sig", s->sigfile))
        return term_error("cannot sign: %s: path too long", o->manifest);
    if (o->sigfile)
        snprintf(s->sigfile, PATH_MAX, "%s", o->sigfile);
    const char *slash = strrchr(s->verity_path, '/');
    if (str_copy(s->verity_name, sizeof(s->verity_name), slash ? slash + 1 : s->verity_path) < 0)
        return term_error("cannot sign: %s: name too long", s->verity_path);
    if (sign_parse_date(o->date ? o->date : "today", &s->date))
        return term_usage("not a date: %s: today, or YYYY-MM-DD", o->date);
    return 0;
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
    term_progress("hashing trusted files", done, total);
}

static void note_insecure(void *arg, const char *key, const char *why)
{
    term_note("note: %s: %s", key, why);
}

/* What the caller of the compatible name expects: a missing file or unfit key is a usage error. */
static int failed(const struct signing *s, const char *what, int error)
{
    int code = term_error("%s: %s", what, s->why.text);
    bool usage = error == -ENOENT || error == -EISDIR || error == -ENOTDIR ||
                 !strcmp(what, "cannot use key");
    return s->o->compatible && usage ? EXIT_USAGE : code;
}

static int load_manifest(struct signing *s)
{
    struct expand_options options = { s->o->chroot, s->o->no_cache, s->o->quiet ? NULL : progress,
                                      NULL };
    int ret = manifest_load(s->o->manifest, &s->source, &s->why);
    if (ret)
        return failed(s, "cannot read manifest", ret);
    ret = manifest_expand(s->source, &options, &s->trees, &s->trees_size, &s->why);
    term_progress_end();
    if (!ret)
        ret = manifest_insert_defaults(s->source, &s->why);
    if (!ret)
        ret = manifest_set_verity_file(s->source, s->verity_name, &s->why);
    if (!ret)
        ret = manifest_write(s->source, &s->text, &s->text_size, &s->why);
    if (ret)
        return failed(s, "cannot hash trusted files", ret);
    return EXIT_OK;
}

static int make_plan(struct signing *s)
{
    int ret = manifest_parse(s->output, s->text, s->text_size, &s->measured, &s->why);
    if (!ret)
        ret = manifest_to_plan(s->measured, 0, &s->plan_bytes, &s->plan_size, &s->why);
    if (!ret)
        ret = plan_open(s->plan_bytes, s->plan_size, &s->plan);
    return ret ? failed(s, "cannot make plan", ret) : EXIT_OK;
}

static int measure(struct signing *s)
{
    if (paths_find(PATH_IMAGE, s->o->image, s->image_path, sizeof(s->image_path)))
        return term_error(
            "no enclave image: %s: not found: name it with --image or $CLOISTER_IMAGE",
            s->image_path);
    int ret = image_file_open(s->image_path, &s->image, &s->why);
    if (!ret)
        ret = sign_measure(&s->image, &s->plan, &s->layout, s->mrenclave, &s->why);
    if (ret)
        return term_error("cannot measure: %s", s->why.text);
    if (s->o->verbose)
        ret = layout_print(&s->layout, &s->image, &s->plan, s->mrenclave);
    return ret ? term_error("cannot measure: %s", strerror(-ret)) : EXIT_OK;
}

static int sign_it(struct signing *s)
{
    int ret = s->o->key
                  ? snprintf(s->key_path, PATH_MAX, "%s", s->o->key) < PATH_MAX ? 0 : -ENAMETOOLONG
                  : paths_key(s->o->compatible ? "gramine" : "cloister", s->key_path, PATH_MAX);
    if (ret)
        return term_error("no signing key: name it with -k");
    ret = key_load(s->key_path, s->o->passphrase, &s->key, &s->why);
    if (ret)
        return failed(s, "cannot use key", ret);
    ret = sign_sigstruct(s->key, &s->plan, s->mrenclave, s->date, &s->sig, &s->why);
    return ret ? term_error("cannot sign: %s", s->why.text) : EXIT_OK;
}

static int write_depfile(struct signing *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return problem_set(&s->why, -ENOMEM, "%s: out of memory", s->o->depfile);
    fprintf(f, "%s:", s->output);
    for (size_t i = 0; i < s->source->trusted_count; i++)
        fprintf(f, " \\\n\t%s%s", s->o->chroot ? s->o->chroot : "", s->source->trusted[i].uri + 5);
    fprintf(f, " \\\n\t%s \\\n\t%s\n", s->image_path, s->key_path);
    fclose(f);
    int ret = disk_write(s->o->depfile, text, size, 0644, &s->why);
    free(text);
    return ret;
}

static int write_files(struct signing *s)
{
    int ret = disk_write(s->verity_path, s->trees, s->trees_size, 0644, &s->why);
    if (!ret)
        ret = disk_write(s->output, s->text, s->text_size, 0644, &s->why);
    if (!ret)
        ret = disk_write(s->sigfile, &s->sig, sizeof(s->sig), 0644, &s->why);
    if (!ret && s->o->depfile)
        ret = write_depfile(s);
    return ret ? term_error("cannot write: %s", s->why.text) : EXIT_OK;
}

static void print_measurement(const struct signing *s)
{
    char hex[2 * SGX_HASH_SIZE + 1];
    if (s->o->quiet || s->o->verbose)
        return; /* the layout ends with it */
    hex_encode(s->mrenclave, SGX_HASH_SIZE, hex);
    if (!s->o->dry_run)
        printf("Signed %s\nMeasurement:\n    ", s->output);
    puts(hex);
}

static int sign_steps(struct signing *s)
{
    int ret = choose_names(s);
    if (!ret)
        ret = load_manifest(s);
    if (!ret)
        ret = make_plan(s);
    if (!ret)
        ret = measure(s);
    if (!ret && !s->o->dry_run)
        ret = sign_it(s);
    if (!ret && !s->o->dry_run)
        ret = write_files(s);
    if (!ret && !s->o->quiet)
        manifest_insecure(s->measured, note_insecure, NULL);
    if (!ret)
        print_measurement(s);
    return ret;
}

static int sign(int argc, char **argv, bool compatible)
{
    struct sign_options o = { .compatible = compatible, .verbose = compatible };
    int ret = parse_options(argc, argv, &o);
    if (ret)
        return ret < 0 ? EXIT_OK : ret;
    struct signing *s = calloc(1, sizeof(*s));
    if (!s)
        return term_error("out of memory");
    s->o = &o;
    ret = sign_steps(s);
    manifest_free(s->source);
    manifest_free(s->measured);
    image_file_close(&s->image);
    EVP_PKEY_free(s->key);
    free(s->text);
    free(s->trees);
    free(s->plan_bytes);
    free(s);
    return ret;
}

int cmd_sign(int argc, char **argv)
{
    return sign(argc, argv, false);
}

int cmd_gramine_sign(int argc, char **argv)
{
    return sign(argc, argv, true);
}
