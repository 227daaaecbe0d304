/*
 * cloister inspect: what is in a file; gramine-sgx-sigstruct-view. The format is found by what the
 * file begins with, never by its name. Formats: cli/show_*.c. Start at inspect_bytes().
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/dcap/quote.h"
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/base/bytes.h"
#include "lib/encfile/format.h"
#include "lib/plan/plan.h"
#include "lib/sgx/arch.h"
#include "manifest/disk.h"

#define INSPECT_MAX ((size_t)1 << 30)

static void help(void)
{
    printf("Usage: %s [--json] FILE\n"
           "Show what is in a signature (.sig), a manifest (.manifest, .manifest.sgx), a plan, a "
           "quote, an encrypted\n"
           "file or an enclave image. The format is found by content. Nothing is verified: see "
           "'cloister --help'.\n\n"
           "  -j, --json  as JSON\n  -h, --help  show this\n\n"
           "Exit status: 0 shown; 1 not readable or of no known format; 2 wrong command line.\n",
           term_command());
}

static bool is_sigstruct(const uint8_t *data, size_t size)
{
    return size == sizeof(struct sgx_sigstruct) && load_le32(data) == 6 &&
           load_le32(data + 4) == 0xe1;
}

static bool is_encrypted(const uint8_t *data, size_t size)
{
    return size >= 8 && (load_le64(data) == FILE_ID || load_le64(data) == FILE_ID_GRAPHENE);
}

/* A quote begins with its version and key type; a manifest is text and has no such bytes. */
static bool is_quote(const uint8_t *data, size_t size)
{
    return size >= QUOTE_MIN && load_le16(data) >= 3 && load_le16(data) <= 5 &&
           load_le16(data + 2) <= 3;
}

static json_t *inspect_bytes(const char *name, const uint8_t *data, size_t size, const char **kind,
                             struct problem *why)
{
    if (is_sigstruct(data, size)) {
        *kind = "sigstruct";
        return show_sigstruct(data, size, true, why);
    }
    if (size >= 8 && memcmp(data, PLAN_MAGIC, 8) == 0) {
        *kind = "plan";
        return show_plan(data, size, why);
    }
    if (size >= 4 && memcmp(data,
                            "\x7f"
                            "ELF",
                            4) == 0) {
        *kind = "image";
        return show_image(data, size, why);
    }
    if (is_encrypted(data, size)) {
        *kind = "encrypted file";
        return show_encrypted(data, size, why);
    }
    if (is_quote(data, size)) {
        *kind = "quote";
        return show_quote(data, size, why);
    }
    *kind = "manifest";
    if (size && !memchr(data, 0, size))
        return show_manifest(name, data, size, why);
    problem_set(why, -EINVAL, "not a signature, manifest, plan, quote, encrypted file or image");
    return NULL;
}

static int print_result(json_t *value, const char *kind, bool json)
{
    json_t *o = json_object();
    json_object_set_new(o, "format", json_string(kind));
    json_object_update(o, value);
    json_decref(value);
    if (json)
        return term_print_json(o);
    show_print(o, 0);
    json_decref(o);
    return EXIT_OK;
}

int cmd_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    bool json = false;
    const char *kind = "";
    struct problem why = { "" };
    uint8_t *data;
    size_t size;
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
        switch (c) {
        case 'j': json = true; break;
        case 'h': help(); return EXIT_OK;
        default: return term_usage("unknown option: %s", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return term_usage("name one file");
    if (disk_read(argv[optind], INSPECT_MAX, &data, &size, &why))
        return term_error("cannot read: %s", why.text);
    json_t *value = inspect_bytes(argv[optind], data, size, &kind, &why);
    free(data);
    return value ? print_result(value, kind, json)
                 : term_error("cannot show: %s: %s", argv[optind], why.text);
}

/* "text" and "toml" of gramine-sgx-sigstruct-view; booleans are Python's in the one, TOML's in the
 * other. */
static void print_lines(const json_t *o, bool toml)
{
    const char *key;
    json_t *value;
    if (!toml)
        puts("Attributes:");
    json_object_foreach((json_t *)o, key, value)
    {
        printf("%s%s%s", toml ? "" : "    ", key, toml ? " = " : ": ");
        if (json_is_string(value))
            printf(toml ? "\"%s\"\n" : "%s\n", json_string_value(value));
        else if (json_is_integer(value))
            printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
        else
            puts(json_is_true(value) ? (toml ? "true" : "True") : (toml ? "false" : "False"));
    }
}

static int view_sigstruct(const char *path, bool verbose, const char *format)
{
    struct problem why;
    uint8_t *data;
    size_t size;
    if (disk_read(path, INSPECT_MAX, &data, &size, &why))
        return term_error("cannot read: %s", why.text);
    json_t *value = show_sigstruct(data, size, verbose, &why);
    free(data);
    if (!value)
        return term_error("cannot show: %s: %s", path, why.text);
    if (strcmp(format, "json") == 0)
        return term_print_json(value);
    print_lines(value, strcmp(format, "toml") == 0);
    json_decref(value);
    return EXIT_OK;
}

int cmd_gramine_sigstruct_view(int argc, char **argv)
{
    static const struct option options[] = {
        { "verbose", no_argument, NULL, 'v' },
        { "output-format", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    bool verbose = false;
    const char *format = "text";
    int c, ret = EXIT_OK;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
        switch (c) {
        case 'v': verbose = true; break;
        case 'o': format = optarg; break;
        case 'h':
            printf("Usage: %s [-v] [--output-format text|toml|json] SIGFILE...\nShow what a "
                   "SIGSTRUCT says.\n",
                   term_command());
            return EXIT_OK;
        default: return term_usage("unknown option or missing value: %s", argv[optind - 1]);
        }
    }
    if (strcmp(format, "text") != 0 && strcmp(format, "toml") != 0 && strcmp(format, "json") != 0)
        return term_usage("unknown format: %s", format);
    if (optind == argc)
        return term_usage("name a file");
    for (; optind < argc && !ret; optind++)
        ret = view_sigstruct(argv[optind], verbose, format);
    return ret;
}
