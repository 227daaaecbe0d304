/*
 * cloister quoting-service: run a quoting service by hand: the software device's, which `cloister
 * run --mode soft` starts by itself, or the hardware's by Intel's DCAP library. The work is done in
 * attest/soft/service.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/soft/dcap_ql.h"
#include "attest/soft/pki.h"
#include "attest/soft/service.h"
#include "attest/soft/state.h"
#include "cli/commands.h"
#include "cli/term.h"
#include "lib/base/str.h"

static void help(void)
{
    printf(
        "Usage: cloister quoting-service [OPTION]...\n"
        "Serve quotes of the software SGX device on a Unix socket (AESM's protocol). They protect "
        "nothing:\n"
        "a verifier accepts them only when told to trust the root certificate that this prints.\n"
        "With --dcap-ql, serve quotes of this machine's SGX hardware instead, where no aesmd runs: "
        "by Intel's quoting\n"
        "library in this process. 'cloister run --mode sgx' does it by itself when the library is "
        "there and aesmd is not.\n\n"
        "  --dcap-ql[=PATH]   by " DCAP_QL_LIBRARY
        " (package libsgx-dcap-ql), or the library at PATH\n"
        "  --state DIR        the device's folder (default "
        "${CLOISTER_STATE_DIR:-~/.local/state/cloister}/soft)\n"
        "  --socket PATH      listen here (default: aesm.socket, or dcap-ql.socket, in that "
        "folder)\n"
        "  --foreground       stay in the foreground (default)\n"
        "  --background       start it in the background unless it runs already, and return\n"
        "  --idle-exit SECS   end when nobody has called for so long (default: never)\n"
        "  --help             show this\n\n"
        "Exit status: 0 ended or running already; 1 could not serve; 2 wrong command line.\n");
}

static void say_ready(const char *path)
{
    printf("listening on %s\n", path);
    fflush(stdout);
}

static int print_where(const char *state)
{
    char folder[SOFT_PATH_MAX];
    int ret = soft_state_dir(state, folder, sizeof(folder));
    if (ret == 0)
        ret = soft_pki_ensure(folder);
    if (ret)
        return ret;
    term_note("software device, protects nothing; its root certificate: %s/%s", folder,
              SOFT_ROOT_FILE);
    return 0;
}

static int background(const struct soft_service *o)
{
    char path[SOFT_PATH_MAX], why[512];
    if (o->socket)
        return term_usage("--background serves the default socket: leave out --socket");
    if (o->dcap_ql && dcap_ql_probe(o->dcap_ql_path, why, sizeof(why)))
        return term_error("cannot use the DCAP library: %s", why);
    int ret = soft_service_ensure(o, path, sizeof(path));
    if (ret)
        return term_error("quoting service did not start: %s", strerror(-ret));
    say_ready(path);
    return EXIT_OK;
}

static int foreground(const struct soft_service *o)
{
    char why[512];
    int ret = soft_service_run(o, why, sizeof(why));
    if (ret == -EALREADY) {
        term_note("it runs already");
        return EXIT_OK;
    }
    if (ret && why[0])
        return term_error("cannot use the DCAP library: %s", why);
    return ret ? term_error("cannot serve: %s: %s", o->socket ? o->socket : "default socket",
                            strerror(-ret))
               : EXIT_OK;
}

int cmd_quoting_service(int argc, char **argv)
{
    static const struct option options[] = {
        { "state", required_argument, NULL, 's' },
        { "socket", required_argument, NULL, 'p' },
        { "foreground", no_argument, NULL, 'f' },
        { "background", no_argument, NULL, 'b' },
        { "idle-exit", required_argument, NULL, 'i' },
        { "dcap-ql", optional_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct soft_service o = { .ready = say_ready };
    uint64_t idle = 0;
    int c, in_background = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 's': o.state = optarg; break;
        case 'p': o.socket = optarg; break;
        case 'q':
            o.dcap_ql = true;
            o.dcap_ql_path = optarg;
            break;
        case 'f': in_background = 0; break;
        case 'b': in_background = 1; break;
        case 'i':
            if (str_parse_u64(optarg, strlen(optarg), &idle) || idle > 1000000)
                return term_usage("--idle-exit: not a number of seconds: %s", optarg);
            break;
        case 'h': help(); return EXIT_OK;
        default:
            return term_usage("unknown option, or one without its argument: %s", argv[optind - 1]);
        }
    }
    if (optind < argc)
        return term_usage("too many arguments: %s", argv[optind]);
    o.idle_exit = (unsigned)idle;
    int ret = o.dcap_ql ? 0 : print_where(o.state);
    if (ret)
        return term_error("state folder: %s: %s", o.state ? o.state : "default", strerror(-ret));
    return in_background ? background(&o) : foreground(&o);
}
