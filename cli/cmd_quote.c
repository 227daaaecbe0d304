/*
 * cloister quote: verify a quote against collateral, trusted roots and a policy, show what it
 * claims, or fetch the certificate that it lacks. The judging is attest/dcap/verify.c and
 * attest/ratls/policy.c, the fetching attest/collateral/; here are the command line and the words.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/verify.h"
#include "attest/file.h"
#include "cli/commands.h"
#include "cli/relying_options.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"

enum { OPT_POLICY = 256, OPT_COLLATERAL, OPT_ROOT, OPT_SOFT, OPT_AT, OPT_JSON, OPT_OUT };
enum verb { VERIFY, SHOW, COMPLETE, VERBS };

struct options {
    struct server_options server;
    struct policy_file policy;
    bool policy_given, json;
    struct trust_files roots;
    const char *collateral, *file, *out;
    struct policy_file soft; /* paths only */
    int64_t at;
};

static const struct option g_options[] = {
    { "policy", required_argument, NULL, OPT_POLICY },
    { "collateral", required_argument, NULL, OPT_COLLATERAL },
    { "trust-root", required_argument, NULL, OPT_ROOT },
    { "soft", optional_argument, NULL, OPT_SOFT },
    { "at", required_argument, NULL, OPT_AT },
    { "json", no_argument, NULL, OPT_JSON },
    { "output", required_argument, NULL, OPT_OUT },
    { "help", no_argument, NULL, 'h' },
    SERVER_LONG_OPTIONS,
    { 0 },
};

static void help(void)
{
    printf("Usage: cloister quote verify FILE [OPTION]...\n"
           "       cloister quote show FILE [--json]\n"
           "       cloister quote complete FILE --output FILE [OPTION]...\n"
           "Verify an SGX or TDX quote (version 3, 4 or 5), or show what it claims without "
           "believing it. A quote that carries only\n"
           "its platform's id (certification data types 1 to 3) is completed first: the "
           "certificate is fetched and put into it.\n\n"
           "  --policy FILE          what to accept, in TOML (attest/README.md); without one: any "
           "enclave or trust domain,\n"
           "                         not in debug mode, on an up-to-date platform\n"
           "  --collateral PATH      folder or bundle; without one, a server is asked (see below)\n"
           "  --trust-root FILE      root certificate to trust instead of Intel's; \"intel\" is "
           "Intel's; may be repeated\n"
           "  --soft[=DIR]           trust this machine's software device, which protects nothing\n"
           "  --at TIME              verify as of 2024-07-01T00:00:00Z, 2024-07-01 or @SECONDS "
           "(default: now)\n"
           "  --json                 print JSON\n"
           "  -o, --output FILE      where complete puts the quote with its certificate\n"
           "%s"
           "  --help                 show this\n\n"
           "Exit status: 0 accepted (or shown); 1 not accepted, or could not tell (one line says "
           "why); 2 wrong command line.\n",
           server_options_help);
}

static int take_option(int c, struct options *o)
{
    struct problem why;
    switch (c) {
    case OPT_POLICY:
        if (policy_file_load(optarg, &o->policy, &why))
            return term_error("policy: %s", why.text);
        o->policy_given = true;
        return -1;
    case OPT_COLLATERAL: o->collateral = optarg; return -1;
    case OPT_ROOT:
        if (o->roots.count == TRUST_ROOTS_MAX || strlen(optarg) >= sizeof(o->roots.path[0]))
            return term_usage("--trust-root: too many, or too long a name");
        strcpy(o->roots.path[o->roots.count++], optarg);
        return -1;
    case OPT_SOFT: return relying_take_soft(optarg, &o->soft);
    case OPT_AT: return relying_take_time("--at", optarg, &o->at);
    case OPT_JSON: o->json = true; return -1;
    case 'o':
    case OPT_OUT: o->out = optarg; return -1;
    case 'h': help(); return EXIT_OK;
    default: return server_options_take(c, optarg, &o->server);
    }
}

/* The command line beats --soft, which beats the policy file. */
static void merge(struct options *o)
{
    if (o->roots.count == 0)
        o->roots = o->soft.roots.count ? o->soft.roots : o->policy.roots;
    if (!o->collateral && o->soft.collateral[0])
        o->collateral = o->soft.collateral;
    if (!o->collateral && o->policy.collateral[0])
        o->collateral = o->policy.collateral;
    if (!o->policy_given)
        o->policy = (struct policy_file){ .policy = { .allow_tdx = true }, .any_enclave = true };
}

static int load_collateral(const struct options *o, const uint8_t *quote, size_t size,
                           struct collateral *out)
{
    const char *missing = NULL;
    struct fetch_request r;
    struct fetch_report report;
    struct problem why;
    if (o->collateral) {
        int ret = collateral_load(o->collateral, out, &missing);
        return ret ? term_error("collateral: %s%s%s: %s", o->collateral, missing ? ": " : "",
                                missing ? missing : "",
                                ret == -EINVAL ? "missing, or not a bundle" : strerror(-ret))
                   : -1;
    }
    if (fetch_request_from_quote(quote, size, &r, &why))
        return term_error("%s: %s", o->file, why.text);
    return server_options_fetch(&o->server, &r, out, &report);
}

static int print(json_t *value, bool json)
{
    if (json)
        return term_print_json(value);
    show_print(value, 0);
    json_decref(value);
    return EXIT_OK;
}

/* Why not, in one line. */
static int refuse(const struct options *o, const struct verdict *v, enum policy_answer answer)
{
    if (answer == POLICY_QUOTE)
        return term_error("%s: refused: %s%s%s", o->file, verify_step_words(v->failed),
                          v->detail ? ": " : "", v->detail ? v->detail : "");
    if (answer == POLICY_TCB_STATUS)
        return term_error("%s: refused: %s: %s", o->file, policy_answer_words(answer),
                          tcb_status_name(v->status));
    return term_error("%s: refused: %s", o->file, policy_answer_words(answer));
}

static int judge(const struct options *o, const uint8_t *quote, size_t size,
                 const struct collateral *c)
{
    struct trust_roots roots;
    struct verdict v;
    if (relying_load_roots(&o->roots, &roots))
        return EXIT_FAILED; /* it has said why */
    struct verify_options options = { .roots = &roots };
    if (quote_verify(quote, size, c, &options, o->at, &v) == -ENOMEM)
        return term_error("%s: out of memory", o->file);
    enum policy_answer answer = policy_check(&o->policy.policy, &v);
    json_t *value = json_object(), *facts = show_verdict(&v);
    json_object_set_new(value, "accepted", json_boolean(answer == POLICY_ACCEPTED));
    json_object_set_new(value, "reason", json_string(policy_answer_name(answer)));
    json_object_set_new(value, "reason_meaning", json_string(policy_answer_words(answer)));
    if (!o->policy_given)
        json_object_set_new(
            value, "policy",
            json_string("none given: any enclave, not in debug mode, on an up-to-date platform"));
    json_object_update(value, facts);
    json_decref(facts);
    int ret = print(value, o->json);
    if (o->soft.roots.count && answer == POLICY_ACCEPTED)
        term_note("trusting this machine's software device: its quotes protect nothing");
    return ret || answer == POLICY_ACCEPTED ? ret : refuse(o, &v, answer);
}

static int verify(struct options *o, const uint8_t *quote, size_t size)
{
    struct collateral c;
    merge(o);
    if (o->policy_given && policy_is_open(&o->policy.policy) && !o->policy.any_enclave &&
        !o->policy.policy.mrtd_count && !o->policy.policy.allow_tdx)
        return term_error(
            "policy: it names nobody: give mrenclave, mrsigner or mrtd (or any_enclave = true)");
    int ret = load_collateral(o, quote, size, &c);
    if (ret != -1)
        return ret;
    ret = judge(o, quote, size, &c);
    collateral_fini(&c);
    return ret;
}

static int show(struct options *o, const uint8_t *quote, size_t size)
{
    struct problem why = { "not a quote" };
    json_t *value = show_quote(quote, size, &why);
    return value ? print(value, o->json) : term_error("%s: %s", o->file, why.text);
}

static int complete(struct options *o, const uint8_t *quote, size_t size)
{
    struct pck_request r;
    struct problem why;
    char *chain = NULL;
    uint8_t *whole = NULL;
    size_t chain_size = 0, whole_size = 0;
    if (!o->out)
        return term_usage("complete into which file? give --output FILE");
    if (pck_request_from_quote(quote, size, &r, &why))
        return term_error("%s: %s", o->file, why.text);
    int ret = server_options_pck(&o->server, &r, &chain, &chain_size);
    if (ret != -1)
        return ret;
    ret = pck_complete_quote(quote, size, chain, chain_size, &whole, &whole_size);
    if (ret == 0)
        ret = file_write(o->out, whole, whole_size, 0644);
    free(whole);
    free(chain);
    return ret ? term_error("%s: %s", o->out, strerror(-ret)) : EXIT_OK;
}

static int run(enum verb verb, struct options *o)
{
    static int (*const verbs[VERBS])(struct options * o, const uint8_t *quote, size_t size) = {
        [VERIFY] = verify, [SHOW] = show, [COMPLETE] = complete
    };
    uint8_t *quote = NULL;
    size_t size = 0;
    int ret = file_read(o->file, 1u << 20, &quote, &size);
    if (ret)
        return term_error("%s: %s", o->file,
                          ret == -EFBIG ? "larger than any quote" : strerror(-ret));
    ret = verbs[verb](o, quote, size);
    free(quote);
    return ret;
}

int cmd_quote(int argc, char **argv)
{
    static const char *const names[VERBS] = {
        [VERIFY] = "verify", [SHOW] = "show", [COMPLETE] = "complete"
    };
    static struct options o;
    o = (struct options){ .at = (int64_t)time(NULL) };
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help();
        return EXIT_OK;
    }
    enum verb verb = VERIFY;
    while (argc >= 2 && verb < VERBS && strcmp(argv[1], names[verb]) != 0)
        verb++;
    if (argc < 2 || verb == VERBS)
        return term_usage("verify, show or complete?");
    argc--;
    argv++;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "ho:", g_options, NULL)) != -1;) {
        if (c == '?')
            return term_usage("unknown option, or one without its argument: %s", argv[optind - 1]);
        int ret = take_option(c, &o);
        if (ret != -1)
            return ret;
    }
    if (optind >= argc)
        return term_usage("which quote? name a file");
    if (optind + 1 < argc)
        return term_usage("too many arguments: %s", argv[optind + 1]);
    o.file = argv[optind];
    return run(verb, &o);
}
