/*
 * cloister run, gramine-direct, gramine-sgx: turn APP's manifest into the plan, find image and launcher,
 * and become the launcher. What the launcher is told here is a convenience: the enclave believes only
 * what is measured. Start at run_app().
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attest/soft/state.h"
#include "attest/soft/unix_socket.h"
#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/run_parts.h"
#include "cli/term.h"
#include "lib/aesm/aesm.h"
#include "lib/plan/plan.h"

#define RUN_WORDS 32 /* the launcher's own options, all of them */

struct run_options {
    const char *mode, *log_level, *stats, *state, *image, *host, *aesm;
    const char *gdb; /* the debugger to run under; NULL: none */
    unsigned trace;
    int hostname;
    char **app; /* APP and its arguments */
    int app_count;
};

struct run {
    const struct run_options *o;
    char manifest[PATH_MAX], sig[PATH_MAX], verity[PATH_MAX], socket[SOFT_PATH_MAX];
    char image[PATH_MAX], script[PATH_MAX], host_file[PATH_MAX], numbers[4][24];
    const char *host; /* the launcher's file; NULL: the launcher in this program */
    struct plan plan; /* only its head is checked */
    char *words[RUN_WORDS];
    int word_count;
};

static void help(void)
{
    printf("Usage: %s [OPTION]... APP [ARG]...\n"
           "Run the program that APP.manifest.sgx describes, inside an enclave.\n\n"
           "  --mode MODE       sgx     in SGX hardware (default where /dev/sgx_enclave exists)\n"
           "                    soft    in a software SGX device: the same measurement and the same code, NO protection\n"
           "                    direct  in a plain process, NO protection, the fastest; takes APP.manifest too\n"
           "  --log-level L     none, error, warning, debug, trace or all (default: loader.log_level)\n"
           "  --trace LIST      trace sys, host, fs, mm, sig (comma-separated) to stderr\n"
           "  --stats[=json]    print counters to stderr at the end\n"
           "  --gdb[=PROGRAM]   run under gdb, with symbols of the library OS and of the program (soft, direct)\n"
           "  --state DIR       where the software device keeps its key and quoting service\n"
           "                    (default: ${XDG_STATE_HOME:-~/.local/state}/cloister/soft)\n"
           "  --aesm SOCKET     the quoting service's socket (default in sgx: aesmd's; where none answers, a service by\n"
           "                    Intel's DCAP library is started if that is installed)\n"
           "  --image FILE      the enclave image (default: $CLOISTER_IMAGE, or beside this program)\n"
           "  --host FILE       another launcher than the one in this program (default: $CLOISTER_HOST)\n"
           "  --help            show this\n\n"
           "Exit status: the program's; 128 + N when signal N killed it; 1 not started, and one line on stderr\n"
           "says why; 2 wrong command line.\n", term_command());
}

/* "sys,fs" -> mask; bits are enum trace_category of the image. */
static int parse_trace(const char *list, unsigned *mask)
{
    static const char *const names[] = { "sys", "host", "fs", "mm", "sig" };
    while (*list) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < 5 && !(strlen(names[i]) == n && strncmp(list, names[i], n) == 0))
            i++;
        if (i == 5 && n == 3 && strncmp(list, "all", 3) == 0)
            *mask |= 31;
        else if (i == 5)
            return term_usage("unknown trace: %.*s: sys, host, fs, mm, sig or all", (int)n, list);
        else
            *mask |= 1u << i;
        list += n + (list[n] == ',');
    }
    return 0;
}

static int set_option(struct run_options *o, int option, const char *value)
{
    switch (option) {
    case 'm': o->mode = value; break;
    case 'l': o->log_level = value; break;
    case 't': return parse_trace(value, &o->trace);
    case 's': o->stats = value ? value : "text"; break;
    case 'S': o->state = value; break;
    case 'a': o->aesm = value; break;
    case 'g': o->gdb = value ? value : "gdb"; break;
    case 'i': o->image = value; break;
    case 'H': o->host = value; break;
    default: return -1;
    }
    return 0;
}

static int is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return 1;
    return 0;
}

static int check_options(const struct run_options *o)
{
    static const char *const modes[] = { "sgx", "soft", "direct", NULL };
    static const char *const levels[] = { "none", "error", "warning", "debug", "trace", "all", NULL };
    static const char *const stats[] = { "text", "json", NULL };
    if (o->mode && !is_one_of(o->mode, modes))
        return term_usage("unknown mode: %s: sgx, soft or direct", o->mode);
    if (o->log_level && !is_one_of(o->log_level, levels))
        return term_usage("unknown log level: %s: none, error, warning, debug, trace or all", o->log_level);
    if (o->stats && !is_one_of(o->stats, stats))
        return term_usage("unknown form of statistics: %s: text or json", o->stats);
    return o->app_count ? 0 : term_usage("no APP given: the manifest's name without .manifest.sgx");
}

/* Returns 0; -1 after --help; else EXIT_USAGE. */
static int parse_options(int argc, char **argv, struct run_options *o)
{
    static const struct option options[] = {
        { "mode", required_argument, NULL, 'm' },   { "log-level", required_argument, NULL, 'l' },
        { "trace", required_argument, NULL, 't' },  { "stats", optional_argument, NULL, 's' },
        { "state", required_argument, NULL, 'S' },  { "aesm", required_argument, NULL, 'a' },
        { "gdb", optional_argument, NULL, 'g' },    { "image", required_argument, NULL, 'i' },  { "host", required_argument, NULL, 'H' },
        { "help", no_argument, NULL, 'h' },         { 0 },
    };
    int c, ret;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
        if (c == 'h') {
            help();
            return -1;
        }
        if (c == ':')
            return term_usage("option needs a value: %s", argv[optind - 1]);
        ret = set_option(o, c, optarg);
        if (ret)
            return ret < 0 ? term_usage("unknown option: %s", argv[optind - 1]) : ret;
    }
    o->app = argv + optind;
    o->app_count = argc - optind;
    return check_options(o);
}

static int choose_mode(struct run_options *o)
{
    if (!o->mode) {
        if (access("/dev/sgx_enclave", F_OK))
            return term_error("no SGX on this machine: /dev/sgx_enclave does not exist: try --mode soft (no protection), or see 'cloister doctor'");
        o->mode = "sgx";
    }
    if (strcmp(o->mode, "sgx") == 0 && o->gdb)
        return term_usage("--gdb is for --mode soft and direct: gdb cannot look into an enclave in hardware");
    if (strcmp(o->mode, "sgx") == 0 && access("/dev/sgx_enclave", R_OK | W_OK))
        return term_error("cannot use SGX: /dev/sgx_enclave: %s: see 'cloister doctor'", strerror(errno));
    return 0;
}

static int app_file(const struct run *r, const char *ending, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s%s", r->o->app[0], ending);
    return n < 0 || n >= PATH_MAX ? term_error("name too long: %s", r->o->app[0]) : 0;
}

static int find_files(struct run *r)
{
    int direct = strcmp(r->o->mode, "direct") == 0;
    if (app_file(r, ".manifest.sgx", r->manifest) || app_file(r, ".sig", r->sig))
        return EXIT_FAILED;
    if (access(r->manifest, R_OK)) {
        if (direct && errno == ENOENT && app_file(r, ".manifest", r->manifest))
            return EXIT_FAILED;
        if (access(r->manifest, R_OK))
            return term_error("cannot read the manifest: %s: %s%s", r->manifest, strerror(errno),
                              direct ? "" : ": make it by 'cloister sign'");
    }
    if (!direct && access(r->sig, R_OK))
        return term_error("cannot read the signature: %s: %s: make it by 'cloister sign'", r->sig, strerror(errno));
    if (paths_find(PATH_IMAGE, r->o->image, r->image, sizeof(r->image)))
        return term_error("cannot find the enclave image: %s", r->image);
    r->host = paths_named(PATH_HOST, r->o->host);
    if (r->host && access(r->host, R_OK))
        return term_error("cannot find the launcher: %s", r->host);
    return 0;
}

static void add_word(struct run *r, const char *word)
{
    if (r->word_count < RUN_WORDS - 1)
        r->words[r->word_count++] = (char *)word;
}

static void add_option(struct run *r, const char *name, const char *value)
{
    if (value) {
        add_word(r, name);
        add_word(r, value);
    }
}

static void add_number(struct run *r, int slot, const char *option, uint64_t number)
{
    snprintf(r->numbers[slot], sizeof(r->numbers[slot]), "%llu", (unsigned long long)number);
    add_option(r, option, r->numbers[slot]);
}

/* The launcher inherits the file that the plan is in. */
static int add_plan(struct run *r)
{
    struct plan_place place;
    const struct plan_question q = { .manifest = r->manifest, .unsigned_manifest = strcmp(r->manifest + strlen(r->manifest) - 4, ".sgx") != 0 };
    int ret = run_plan(&q, &place);
    if (ret)
        return ret;
    if (plan_open_head(place.bytes, place.size, &r->plan))
        return term_error("internal error: the plan made from %s is malformed", r->manifest);
    if (fcntl(place.fd, F_SETFD, 0))
        return term_error("cannot hand on the plan: %s", strerror(errno));
    add_number(r, 0, "--plan-fd", (uint64_t)place.fd);
    add_number(r, 1, "--plan-offset", place.offset);
    return 0;
}

/* A file without a name, which the launcher inherits, holding these bytes. */
static int add_bytes(struct run *r, int slot, const char *option, const void *bytes, size_t size)
{
    int fd = memfd_create(option, 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
        return term_error("out of memory: %s", strerror(errno));
    add_number(r, slot, option, (uint64_t)fd);
    return 0;
}

/* The Merkle trees stand beside the manifest. */
static int add_verity(struct run *r)
{
    const char *name = plan_string(&r->plan, r->plan.h->verity_file);
    const char *slash = strrchr(r->manifest, '/');
    int directory = slash && *name != '/' ? (int)(slash - r->manifest) + 1 : 0;
    if (!*name)
        return 0;
    int n = snprintf(r->verity, sizeof(r->verity), "%.*s%s", directory, r->manifest, name);
    if (n < 0 || n >= PATH_MAX)
        return term_error("name too long: %s", name);
    if (access(r->verity, R_OK))
        return term_error("cannot read the Merkle trees of the trusted files: %s: %s: sign again", r->verity, strerror(errno));
    add_option(r, "--verity", r->verity);
    return 0;
}

static int add_soft_device(struct run *r)
{
    char folder[SOFT_PATH_MAX];
    uint8_t key[SOFT_DEVICE_KEY_SIZE];
    int ret = soft_state_dir(r->o->state, folder, sizeof(folder));
    if (ret == 0)
        ret = attest_soft_device_key(folder, key);
    if (ret)
        return term_error("cannot use the software device's state: %s: %s: name a folder of yours with --state",
                          r->o->state ? r->o->state : "default folder", strerror(-ret));
    ret = add_bytes(r, 2, "--device-key-fd", key, sizeof(key));
    explicit_bzero(key, sizeof(key));
    if (ret || r->plan.h->attestation != PLAN_ATTEST_DCAP || r->o->aesm)
        return ret;
    ret = run_quoting_service(r->o->state, r->socket, sizeof(r->socket));
    if (ret)
        return term_error("cannot start the software quoting service: %s: see service.log in %s", strerror(-ret), folder);
    add_option(r, "--aesm", r->socket);
    return 0;
}

/* gdb runs the launcher as a program of its own, which inherits what we leave open. */
static int add_debugger(struct run *r)
{
    if (!r->host && paths_find(PATH_HOST, NULL, r->host_file, sizeof(r->host_file)))
        return term_error("cannot find the launcher: %s", r->host_file);
    if (!r->host)
        r->host = r->host_file;
    if (paths_find(PATH_GDB, NULL, r->script, sizeof(r->script)))
        return term_error("cannot find the debugger's script: %s", r->script);
    add_word(r, r->o->gdb);
    add_word(r, "-q");
    add_option(r, "-x", r->script);
    add_word(r, "--args");
    return 0;
}

/* Where aesmd is not, Intel's library may be. Without either the launcher says so once a quote is asked for. */
static int add_hardware_quoting(struct run *r)
{
    if (r->plan.h->attestation != PLAN_ATTEST_DCAP || r->o->aesm)
        return 0;
    int fd = unix_connect(AESM_SOCKET_PATH, 1000);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    int ret = run_dcap_ql_service(r->o->state, r->socket, sizeof(r->socket));
    if (ret == -ENOENT || ret == -ENOSYS)
        return 0;
    if (ret)
        return term_error("no aesmd, and the quoting service by the DCAP library does not start: %s: see dcap-ql.log in the state folder",
                          strerror(-ret));
    add_option(r, "--aesm", r->socket);
    return 0;
}

static int add_words(struct run *r)
{
    const struct run_options *o = r->o;
    int ret = o->gdb ? add_debugger(r) : 0;
    if (ret)
        return ret;
    add_word(r, r->host ? r->host : "cloister-host");
    add_option(r, "--mode", o->mode);
    add_option(r, "--image", r->image);
    ret = add_plan(r);
    if (ret == 0)
        ret = add_verity(r);
    if (ret == 0 && strcmp(o->mode, "direct") != 0)
        add_option(r, "--sig", r->sig);
    if (ret == 0 && strcmp(o->mode, "soft") == 0)
        ret = add_soft_device(r);
    if (ret == 0 && strcmp(o->mode, "sgx") == 0)
        ret = add_hardware_quoting(r);
    add_option(r, "--aesm", o->aesm);
    add_option(r, "--log-level", o->log_level);
    add_option(r, "--stats", o->stats);
    if (o->trace)
        add_number(r, 3, "--trace", o->trace);
    if (r->plan.h->flags & PLAN_DOMAIN_CONF)
        add_word(r, "--hostname");
    add_word(r, "--");
    return ret;
}

/* Only now: before, cloister-tools may have taken over and would say it again. */
static void say_what_it_is(const struct run_options *o)
{
    if (strcmp(o->mode, "soft") == 0)
        term_note("mode soft: a SOFTWARE SGX device: this protects NOTHING; it is for development and tests");
    if (strcmp(o->mode, "direct") == 0)
        term_note("mode direct: a plain process: this protects NOTHING; it is for development and tests");
}

static int become_launcher(struct run *r)
{
    int arguments = r->o->app_count - 1;
    char **argv = calloc((size_t)(r->word_count + arguments) + 1, sizeof(*argv));
    if (!argv)
        return term_error("out of memory");
    memcpy(argv, r->words, (size_t)r->word_count * sizeof(*argv));
    memcpy(argv + r->word_count, r->o->app + 1, (size_t)arguments * sizeof(*argv));
    say_what_it_is(r->o);
    fflush(NULL);
    int ret = run_launcher(r->o->gdb ? r->o->gdb : r->host, r->word_count + arguments, argv);
    free(argv);
    return ret;
}

static int run_app(struct run_options *o)
{
    struct run r = { .o = o };
    int ret = choose_mode(o);
    if (ret == 0)
        ret = find_files(&r);
    if (ret == 0)
        ret = add_words(&r);
    if (ret == 0)
        ret = become_launcher(&r); /* comes back only when it failed */
    return ret;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = { 0 };
    int ret = parse_options(argc, argv, &o);
    return ret ? (ret < 0 ? EXIT_OK : ret) : run_app(&o);
}

/* gramine-direct APP ARG..., gramine-sgx APP ARG...: a missing manifest is a usage error there. */
static int run_compatible(int argc, char **argv, const char *mode, const char *ending)
{
    struct run_options o = { .mode = mode };
    char path[PATH_MAX];
    int ret = parse_options(argc, argv, &o);
    if (ret)
        return ret < 0 ? EXIT_OK : ret;
    snprintf(path, sizeof(path), "%s%s", o.app[0], ending);
    if (access(path, R_OK))
        return term_usage("cannot read the manifest: %s: %s", path, strerror(errno));
    return run_app(&o);
}

int cmd_gramine_direct(int argc, char **argv)
{
    return run_compatible(argc, argv, "direct", ".manifest");
}

int cmd_gramine_sgx(int argc, char **argv)
{
    return run_compatible(argc, argv, NULL, ".manifest.sgx");
}
