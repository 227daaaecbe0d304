/*
 * cloister manifest, gramine-manifest, gramine-manifest-check: render a template, check a manifest.
 * Rendering is Jinja2's: a small Python program does it (python/cloister_render.py); everything
 * after that is ours. Start at manifest().
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/term.h"
#include "manifest/disk.h"
#include "manifest/expand.h"

#define DEFINES_MAX 256

struct manifest_options {
    bool compatible;
    bool check, no_check, no_expand;
    const char *string, *chroot, *input, *output;
    char *defines[DEFINES_MAX];
    size_t define_count;
};

static void help(bool compatible)
{
    printf("Usage: %s [OPTION]... [TEMPLATE [OUTPUT]]\n"
           "Render a manifest template (Jinja2 to TOML), insert defaults, and check every key.\n\n"
           "  -D, --define NAME[=VALUE]  a variable of the template (true without a value)\n"
           "  -c, --string TEXT          render TEXT instead of a file\n"
           "%s"
           "      --no-check             do not check the result against the schema\n"
           "      --chroot DIR           look for trusted files inside DIR\n"
           "  -h, --help                 show this\n\n"
           "TEMPLATE and OUTPUT default to - (stdin, stdout). Templates may use gramine.*, "
           "python.*, env and ldd().\n\n"
           "Exit status: 0 done; 1 the template, the TOML or a key is wrong, and where; 2 wrong "
           "command line.\n",
           term_command(),
           compatible ? "      --check                check the result (default)\n"
                      : "      --check                only check TEMPLATE, which must be a "
                        "rendered manifest: write nothing\n"
                        "      --expand               also list and hash the trusted files, as "
                        "gramine-manifest does\n");
}

static int parse_options(int argc, char **argv, struct manifest_options *o)
{
    static const struct option options[] = {
        { "define", required_argument, NULL, 'D' }, { "string", required_argument, NULL, 'c' },
        { "check", no_argument, NULL, 'k' },        { "no-check", no_argument, NULL, 'n' },
        { "chroot", required_argument, NULL, 'C' }, { "expand", no_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },         { 0 },
    };
    int c;
    opterr = 0;
    o->no_expand = !o->compatible;
    while ((c = getopt_long(argc, argv, ":D:c:h", options, NULL)) != -1) {
        switch (c) {
        case 'D':
            if (o->define_count == DEFINES_MAX)
                return term_usage("more than %d -D options", DEFINES_MAX);
            o->defines[o->define_count++] = optarg;
            break;
        case 'c': o->string = optarg; break;
        case 'k': o->check = true; break;
        case 'n': o->no_check = true; break;
        case 'C': o->chroot = optarg; break;
        case 'e': o->no_expand = false; break;
        case 'h': help(o->compatible); return -1;
        case ':': return term_usage("option needs a value: %s", argv[optind - 1]);
        default: return term_usage("unknown option: %s", argv[optind - 1]);
        }
    }
    if (optind < argc && !o->string)
        o->input = argv[optind++];
    if (optind < argc)
        o->output = argv[optind++];
    if (optind < argc)
        return term_usage("unexpected argument: %s", argv[optind]);
    if (!o->input && !o->string) {
        if (o->compatible)
            return term_usage("no template given: a file, -, or -c TEXT");
        o->input = "-";
    }
    return 0;
}

/*
 * The system's Python when there is one: python3-jinja2 is a package of the system, and what
 * templates ask of `python` (stdlib, distlib, ...) should be the interpreter that manifests run.
 */
static char *python_path(void)
{
    return (char *)(access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3");
}

/* argv of the renderer; pointers into o and the two buffers. */
static void renderer_argv(struct manifest_options *o, char *script, char *image, char *libdir,
                          char **argv)
{
    size_t n = 0;
    argv[n++] = python_path();
    argv[n++] = script;
    argv[n++] = (char *)"--image";
    argv[n++] = image;
    argv[n++] = (char *)"--libdir";
    argv[n++] = libdir;
    for (size_t i = 0; i < o->define_count; i++) {
        argv[n++] = (char *)"-D";
        argv[n++] = o->defines[i];
    }
    if (o->string) {
        argv[n++] = (char *)"-c";
        argv[n++] = (char *)o->string;
    } else {
        argv[n++] = (char *)"--";
        argv[n++] = (char *)o->input;
    }
    argv[n] = NULL;
}

/* Run the renderer with stdout into one file and stderr into another. Returns its exit status or
 * -1. */
static int run_renderer(char **argv, FILE *out, FILE *err)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s", argv[0], strerror(errno));
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *read_back(FILE *f, size_t *size)
{
    long length = (fseek(f, 0, SEEK_END), ftell(f));
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    rewind(f);
    if (text) {
        *size = fread(text, 1, (size_t)length, f);
        text[*size] = 0;
    }
    return text;
}

static int report_renderer(FILE *err)
{
    size_t size = 0;
    char *text = read_back(err, &size);
    char *last = text;
    while (size && text[size - 1] == '\n')
        text[--size] = 0;
    if (text &&
        strrchr(text, '\n')) /* a traceback of what a template called: its last line says it */
        last = strrchr(text, '\n') + 1;
    int code = term_error("cannot render: %s", last && *last ? last : "the renderer died");
    free(text);
    return code;
}

static int render(struct manifest_options *o, char **text, size_t *size)
{
    char script[PATH_MAX], image[PATH_MAX], libdir[PATH_MAX], *argv[2 * DEFINES_MAX + 16];
    if (paths_find(PATH_RENDER, NULL, script, sizeof(script)))
        return term_error("cannot render: %s: not found: is Cloister installed completely?",
                          script);
    paths_find(PATH_IMAGE, NULL, image, sizeof(image)); /* only printed by templates */
    snprintf(libdir, sizeof(libdir), "%s", image);
    if (strrchr(libdir, '/'))
        *strrchr(libdir, '/') = 0;
    renderer_argv(o, script, image, libdir, argv);
    FILE *out = tmpfile(), *err = tmpfile();
    int code = EXIT_FAILED;
    if (!out || !err)
        term_error("cannot render: temporary file: %s", strerror(errno));
    else if (run_renderer(argv, out, err) != 0)
        code = report_renderer(err);
    else if ((*text = read_back(out, size)) == NULL)
        term_error("cannot render: out of memory");
    else
        code = EXIT_OK;
    if (out)
        fclose(out);
    if (err)
        fclose(err);
    return code;
}

static int write_output(const struct manifest_options *o, const char *text, size_t size)
{
    struct problem why;
    if (!o->output || strcmp(o->output, "-") == 0) {
        fwrite(text, 1, size, stdout);
        return EXIT_OK;
    }
    if (disk_write(o->output, text, size, 0644, &why))
        return term_error("cannot write: %s", why.text);
    return EXIT_OK;
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
    term_progress("hashing trusted files", done, total);
}

/* Defaults, and with --expand digests; then the text again. */
static int complete(const struct manifest_options *o, struct manifest *m, char **text, size_t *size,
                    struct problem *why)
{
    struct expand_options options = { .chroot = o->chroot, .progress = progress };
    uint8_t *trees = NULL;
    size_t trees_size;
    int ret = o->no_expand ? 0 : manifest_expand(m, &options, &trees, &trees_size, why);
    term_progress_end();
    free(trees);
    if (!ret)
        ret = manifest_insert_defaults(m, why);
    return ret ? ret : manifest_write(m, text, size, why);
}

static int render_and_write(struct manifest_options *o)
{
    const char *name = o->string                             ? "<string>"
                       : o->output && strcmp(o->output, "-") ? o->output
                                                             : o->input;
    char *rendered = NULL, *text = NULL;
    size_t rendered_size = 0, size = 0;
    struct manifest *m = NULL;
    struct problem why;
    int code = render(o, &rendered, &rendered_size);
    if (code)
        return code;
    if (o->no_check) {
        code = write_output(o, rendered, rendered_size);
        free(rendered);
        return code;
    }
    int ret = manifest_parse(name, rendered, rendered_size, &m, &why);
    if (!ret)
        ret = complete(o, m, &text, &size, &why);
    code = ret ? term_error("not a valid manifest: %s", why.text) : write_output(o, text, size);
    manifest_free(m);
    free(rendered);
    free(text);
    return code;
}

static int read_input(const char *path, uint8_t **text, size_t *size, struct problem *why)
{
    return disk_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, TOML_TEXT_MAX, text, size, why);
}

static int check_only(const char *path)
{
    struct manifest *m = NULL;
    struct problem why;
    uint8_t *text;
    size_t size;
    int ret = read_input(path, &text, &size, &why);
    if (ret)
        return term_error("cannot read: %s", why.text);
    ret = manifest_parse(path, (char *)text, size, &m, &why);
    free(text);
    manifest_free(m);
    return ret ? term_error("not a valid manifest: %s", why.text) : EXIT_OK;
}

static int manifest(int argc, char **argv, bool compatible)
{
    struct manifest_options *o = calloc(1, sizeof(*o));
    if (!o)
        return term_error("out of memory");
    o->compatible = compatible;
    int ret = parse_options(argc, argv, o);
    if (!ret && o->check && !compatible)
        ret = o->string || o->output ? term_usage("--check takes one rendered manifest")
                                     : check_only(o->input);
    else if (!ret)
        ret = render_and_write(o);
    free(o);
    return ret < 0 ? EXIT_OK : ret;
}

int cmd_manifest(int argc, char **argv)
{
    return manifest(argc, argv, false);
}

int cmd_gramine_manifest(int argc, char **argv)
{
    return manifest(argc, argv, true);
}

/* Exit status 0 valid, 1 a key is wrong (told on stdout), 2 not TOML. */
int cmd_gramine_manifest_check(int argc, char **argv)
{
    struct manifest *m = NULL;
    struct toml_node *tree = NULL;
    struct problem why;
    uint8_t *text;
    size_t size;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("Usage: %s [FILE]\nCheck a rendered manifest (default: stdin).\n\nExit status: 0 "
               "valid; 1 not; 2 not TOML.\n",
               term_command());
        return EXIT_OK;
    }
    if (argc > 2 || (argc > 1 && argv[1][0] == '-' && argv[1][1]))
        return term_usage("unexpected argument: %s", argv[argc - 1]);
    const char *path = argc > 1 ? argv[1] : "-";
    if (read_input(path, &text, &size, &why)) {
        term_error("cannot read: %s", why.text);
        return EXIT_USAGE;
    }
    int code = EXIT_OK;
    if (toml_parse(path, (char *)text, size, &tree, &why)) {
        term_error("not TOML: %s", why.text);
        code = EXIT_USAGE;
    } else if (manifest_parse(path, (char *)text, size, &m, &why)) {
        printf("%s\n", why.text);
        code = EXIT_FAILED;
    }
    toml_free(tree);
    manifest_free(m);
    free(text);
    return code;
}
