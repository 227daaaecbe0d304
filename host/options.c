/* Decodes the launcher's command line. Runs before anything else; may use libc. */
#include "host/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#include "lib/base/assert.h"
#include "lib/plan/plan.h"

enum { OPT_MODE = 256, OPT_IMAGE, OPT_PLAN, OPT_PLAN_FD, OPT_PLAN_OFFSET, OPT_SIG, OPT_DEVICE_KEY_FD, OPT_AESM,
       OPT_VERITY, OPT_LOG_LEVEL, OPT_TRACE, OPT_STATS, OPT_HOSTNAME, OPT_LIE, OPT_HELP };

static const struct option g_options[] = {
    { "mode", required_argument, NULL, OPT_MODE },
    { "image", required_argument, NULL, OPT_IMAGE },
    { "plan", required_argument, NULL, OPT_PLAN },
    { "plan-fd", required_argument, NULL, OPT_PLAN_FD },
    { "plan-offset", required_argument, NULL, OPT_PLAN_OFFSET },
    { "sig", required_argument, NULL, OPT_SIG },
    { "device-key-fd", required_argument, NULL, OPT_DEVICE_KEY_FD },
    { "aesm", required_argument, NULL, OPT_AESM },
    { "verity", required_argument, NULL, OPT_VERITY },
    { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
    { "trace", required_argument, NULL, OPT_TRACE },
    { "stats", required_argument, NULL, OPT_STATS },
    { "hostname", no_argument, NULL, OPT_HOSTNAME },
    { "lie", required_argument, NULL, OPT_LIE },
    { "help", no_argument, NULL, OPT_HELP },
    { 0 },
};

static void help(void)
{
    puts("Usage: cloister-host --mode direct|soft|sgx --image FILE (--plan FILE | --plan-fd N) [OPTION]... -- [ARG]...\n"
         "Build an enclave from the image and the plan, enter it and serve its calls. Trusted by no one;\n"
         "normally started by 'cloister run'.\n\n"
         "  --plan-offset N      where in its file the plan begins, a multiple of 4096; it goes to the end (default: 0)\n"
         "  --sig FILE           SIGSTRUCT (soft and sgx)\n"
         "  --device-key-fd N    32-byte key of the software SGX device (soft)\n"
         "  --aesm PATH          socket of the quoting service\n"
         "  --verity FILE        Merkle trees of the trusted files\n"
         "  --log-level LEVEL    none, error, warning, debug, trace or all\n"
         "  --trace MASK         what to trace, as a number\n"
         "  --stats text|json    counters on stderr at the end\n"
         "  --hostname           tell the program this host's name and resolv.conf\n"
         "  --help               show this");
}

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "cloister-host: %s: %s\n", what, which);
    return 2;
}

static int name_index(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int parse_number(const char *text, long max, long *out)
{
    char *end;
    *out = strtol(text, &end, 0);
    return *text && !*end && *out >= 0 && *out <= max ? 0 : -1;
}

static int parse_level(const char *text, uint32_t *out)
{
    static const char *const names[] = { "none", "error", "warning", "debug", "trace", "all", NULL };
    int i = name_index(text, names);
    if (i < 0)
        return usage("unknown log level", text);
    static_assert(PLAN_LOG_COUNT == 6, "one name for each level");
    *out = (uint32_t)i;
    return 0;
}

static int parse_names(int option, const char *text, struct options *o)
{
    static const char *const modes[] = { "direct", "soft", "sgx", NULL };
    static const char *const stats[] = { "none", "text", "json", NULL };
    int i = name_index(text, option == OPT_MODE ? modes : stats);
    if (i < 0)
        return usage(option == OPT_MODE ? "unknown mode" : "unknown form of statistics", text);
    if (option == OPT_MODE)
        o->mode = (enum host_mode)i;
    else
        o->stats = (uint32_t)i;
    return 0;
}

static int parse_numbers(int option, const char *text, struct options *o)
{
    long v;
    if (parse_number(text, option == OPT_TRACE ? UINT32_MAX : INT32_MAX, &v))
        return usage("not a number", text);
    if (option == OPT_TRACE)
        o->trace = (uint32_t)v;
    else if (option == OPT_PLAN_FD)
        o->plan_fd = (int)v;
    else if (option == OPT_PLAN_OFFSET)
        o->plan_offset = (uint64_t)v;
    else
        o->device_key_fd = (int)v;
    return 0;
}

static int parse_one(int c, char **argv, struct options *o)
{
    switch (c) {
    case OPT_MODE:
    case OPT_STATS: return parse_names(c, optarg, o);
    case OPT_TRACE:
    case OPT_PLAN_FD:
    case OPT_PLAN_OFFSET:
    case OPT_DEVICE_KEY_FD: return parse_numbers(c, optarg, o);
    case OPT_LOG_LEVEL: return parse_level(optarg, &o->log_level);
    case OPT_IMAGE: o->image = optarg; return 0;
    case OPT_SIG: o->sig = optarg; return 0;
    case OPT_AESM: o->aesm = optarg; return 0;
    case OPT_VERITY: o->verity = optarg; return 0;
    case OPT_LIE: o->lie = optarg; return 0;
    case OPT_HOSTNAME: o->hostname = 1; return 0;
    case OPT_PLAN:
        o->plan_fd = open(optarg, O_RDONLY | O_CLOEXEC);
        return o->plan_fd < 0 ? usage("cannot open plan", optarg) - 1 : 0;
    case OPT_HELP: help(); return -1;
    default: return usage("unknown option or missing value", argv[optind - 1]);
    }
}

int options_parse(int argc, char **argv, struct options *out)
{
    int mode_given = 0, c;
    *out = (struct options){ .plan_fd = -1, .device_key_fd = -1, .log_level = UINT32_MAX };
    opterr = 0;
    optind = 0; /* from the start: in `cloister run` another command line was read before */
    while ((c = getopt_long(argc, argv, "+", g_options, NULL)) != -1) {
        int ret = parse_one(c, argv, out);
        if (ret)
            return ret;
        mode_given |= c == OPT_MODE;
    }
    if (out->lie && !mode_given && strcmp(out->lie, "list") == 0)
        return 0;
    if (!mode_given || !out->image || out->plan_fd < 0)
        return usage("missing option", "--mode, --image and --plan or --plan-fd are needed");
    if (out->mode != MODE_DIRECT && !out->sig)
        return usage("missing option", "--sig is needed in soft and sgx");
    if (out->mode == MODE_SOFT && out->device_key_fd < 0)
        return usage("missing option", "--device-key-fd is needed in soft");
    out->argc = argc - optind;
    out->argv = argv + optind;
    return 0;
}
