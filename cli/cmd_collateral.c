/*
 * cloister collateral: fetch, show, bundle and serve what a verifier needs beside a quote. The work is in
 * attest/collateral/; here are the command lines and the words.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attest/collateral/serve.h"
#include "attest/file.h"
#include "attest/secret/server_cert.h"
#include "attest/soft/state.h"
#include "cli/commands.h"
#include "cli/relying_options.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/base/str.h"

enum { OPT_FMSPC = 256, OPT_CA, OPT_TDX, OPT_QUOTE, OPT_OUT, OPT_AT, OPT_SOFT, OPT_JSON, OPT_PORT, OPT_CERT, OPT_KEY,
       OPT_MAKE_CERT, OPT_READY };

struct options {
    struct server_options server;
    struct fetch_request request;
    bool fmspc_given, ca_given;
    const char *quote, *out, *cert, *key, *make_cert, *path;
    struct policy_file soft; /* of which only the paths are used */
    int64_t at;
    uint64_t port, ready_fd;
    bool json;
};

static const struct option g_options[] = {
    { "fmspc", required_argument, NULL, OPT_FMSPC }, { "ca", required_argument, NULL, OPT_CA },
    { "tdx", no_argument, NULL, OPT_TDX },           { "quote", required_argument, NULL, OPT_QUOTE },
    { "output", required_argument, NULL, OPT_OUT },  { "at", required_argument, NULL, OPT_AT },
    { "soft", optional_argument, NULL, OPT_SOFT },   { "json", no_argument, NULL, OPT_JSON },
    { "port", required_argument, NULL, OPT_PORT },   { "cert", required_argument, NULL, OPT_CERT },
    { "key", required_argument, NULL, OPT_KEY },     { "make-cert", required_argument, NULL, OPT_MAKE_CERT },
    { "ready-fd", required_argument, NULL, OPT_READY }, { "help", no_argument, NULL, 'h' },
    SERVER_LONG_OPTIONS, { 0 },
};

static void help(void)
{
    printf("Usage: cloister collateral fetch (--quote FILE | --fmspc HEX --ca processor|platform [--tdx]) [OPTION]...\n"
           "       cloister collateral show PATH [--at TIME] [--json]\n"
           "       cloister collateral bundle PATH --output FILE\n"
           "       cloister collateral serve (PATH | --soft[=DIR]) (--cert FILE --key FILE | --make-cert DIR) [--port N]\n"
           "What a verifier needs beside a quote: revocation lists, TCB info and QE identity, with their signers.\n\n"
           "fetch asks a server, checks the answers, and keeps them until shortly before they end:\n"
           "  --quote FILE           for the platform of this quote\n"
           "  --fmspc HEX            for a platform family (12 digits)\n"
           "  --ca NAME              processor or platform: who issued the platform's certificate\n"
           "  --tdx                  for TDX rather than SGX\n"
           "  -o, --output FILE      write the set as a bundle: one JSON file for machines without a network\n"
           "%s"
           "show and bundle take a folder or a bundle (PATH); serve answers as PCS and PCCS do, on 127.0.0.1:\n"
           "  --at TIME              judge the dates at this time (default: now)\n"
           "  --soft[=DIR]           this machine's software device\n"
           "  --cert F, --key F      the server's certificate and key, PEM\n"
           "  --make-cert DIR        make a CA (DIR/ca.crt) and a certificate for localhost, or use those there\n"
           "  --port N               default 8081; 0 takes a free one\n"
           "  --ready-fd N           write the URL to descriptor N when ready\n"
           "  --json                 print JSON\n"
           "  --help                 show this\n\n"
           "Exit status: 0 done; 1 failed (one line says what, where and why), or show found it out of date; 2 wrong\n"
           "command line.\n", server_options_help);
}

static int take_number(const char *name, const char *arg, uint64_t max, uint64_t *out)
{
    if (str_parse_u64(arg, strlen(arg), out) || *out > max)
        return term_usage("--%s: not a number from 0 to %llu: %s", name, (unsigned long long)max, arg);
    return -1;
}

static int take_request(int c, const char *arg, struct options *o)
{
    if (c == OPT_FMSPC) {
        if (hex_decode(arg, strlen(arg), o->request.fmspc, sizeof(o->request.fmspc)))
            return term_usage("--fmspc: not 12 hexadecimal digits: %s", arg);
        o->fmspc_given = true;
    } else if (c == OPT_CA) {
        o->request.processor_ca = strcmp(arg, "processor") == 0;
        if (!o->request.processor_ca && strcmp(arg, "platform") != 0)
            return term_usage("--ca: neither processor nor platform: %s", arg);
        o->ca_given = true;
    } else {
        o->request.tdx = true;
    }
    return -1;
}

static int take_option(int c, struct options *o)
{
    switch (c) {
    case OPT_FMSPC:
    case OPT_CA:
    case OPT_TDX: return take_request(c, optarg, o);
    case OPT_QUOTE: o->quote = optarg; return -1;
    case 'o':
    case OPT_OUT: o->out = optarg; return -1;
    case OPT_AT: return relying_take_time("--at", optarg, &o->at);
    case OPT_SOFT: return relying_take_soft(optarg, &o->soft);
    case OPT_JSON: o->json = true; return -1;
    case OPT_PORT: return take_number("port", optarg, UINT16_MAX, &o->port);
    case OPT_CERT: o->cert = optarg; return -1;
    case OPT_KEY: o->key = optarg; return -1;
    case OPT_MAKE_CERT: o->make_cert = optarg; return -1;
    case OPT_READY: return take_number("ready-fd", optarg, INT32_MAX, &o->ready_fd);
    case 'h': help(); return EXIT_OK;
    default: return server_options_take(c, optarg, &o->server);
    }
}

static void add_period(json_t *o, const char *name, const struct verdict_period *p, int64_t at)
{
    char from[32], to[32];
    relying_time_text(p->start, from);
    relying_time_text(p->end, to);
    json_object_set_new(o, name, json_pack("{s:s, s:s, s:s}", "issued", from, "until", to, "state",
                                           at < p->start ? "not yet valid" : (at >= p->end ? "expired" : "valid")));
}

static json_t *facts_json(const struct collateral_facts *f, const struct bundle_origin *origin, int64_t at)
{
    char fmspc[13], text[32];
    hex_encode(f->fmspc, sizeof(f->fmspc), fmspc);
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i}", "tee", f->tdx ? "TDX" : "SGX", "fmspc", fmspc, "ca",
                          collateral_ca_name(f), "tcb_info_version", (int)f->tcb_version, "tcb_levels", (int)f->tcb_levels,
                          "tcb_evaluation_number", (int)f->tcb_evaluation_number, "qe_evaluation_number",
                          (int)f->qe_evaluation_number);
    add_period(o, "tcb_info", &f->tcb_info, at);
    add_period(o, "qe_identity", &f->qe_identity, at);
    add_period(o, "pck_crl", &f->pck_crl, at);
    add_period(o, "root_ca_crl", &f->root_crl, at);
    add_period(o, "signer_chain", &f->signer, at);
    struct trust_roots intel;
    trust_roots_intel(&intel);
    json_object_set_new(o, "root", json_string(trust_roots_contain(&intel, f->root_point)
                                                   ? "Intel SGX Root CA"
                                                   : "not Intel's: accepted only when named as a trust root"));
    if (origin->source[0])
        json_object_set_new(o, "source", json_string(origin->source));
    if (origin->fetched) {
        relying_time_text(origin->fetched, text);
        json_object_set_new(o, "fetched", json_string(text));
    }
    if (origin->expires) {
        relying_time_text(origin->expires, text);
        json_object_set_new(o, "fetch_again_at", json_string(text));
    }
    relying_time_text(f->expires, text);
    json_object_set_new(o, "usable_until", json_string(text));
    return o;
}

static int print(json_t *value, bool json)
{
    if (json)
        return term_print_json(value);
    show_print(value, 0);
    json_decref(value);
    return EXIT_OK;
}

static int read_request(struct options *o)
{
    struct problem why;
    uint8_t *quote = NULL;
    size_t size = 0;
    if (!o->quote)
        return o->fmspc_given && o->ca_given ? -1 : term_usage("fetch for which platform? give --quote, or --fmspc and --ca");
    int ret = file_read(o->quote, 1u << 20, &quote, &size);
    if (ret)
        return term_error("%s: %s", o->quote, strerror(-ret));
    ret = fetch_request_from_quote(quote, size, &o->request, &why);
    free(quote);
    return ret ? term_error("%s: %s", o->quote, why.text) : -1;
}

static int fetch(struct options *o)
{
    struct collateral c;
    struct fetch_report report;
    struct problem why;
    int ret = read_request(o);
    if (ret == -1)
        ret = server_options_fetch(&o->server, &o->request, &c, &report);
    if (ret != -1)
        return ret;
    ret = o->out ? bundle_write(o->out, &c, &report.facts, &report.origin, &why) : 0;
    collateral_fini(&c);
    if (ret)
        return term_error("%s", why.text);
    json_t *value = facts_json(&report.facts, &report.origin, o->at);
    json_object_set_new(value, "from_cache", json_boolean(report.from_cache));
    if (report.cache_path[0])
        json_object_set_new(value, "cache_file", json_string(report.cache_path));
    return print(value, o->json);
}

/* The set at o->path, with what a bundle says of itself. */
static int load(const struct options *o, struct collateral *c, struct collateral_facts *f, struct bundle_origin *origin)
{
    const char *missing = NULL;
    struct problem why;
    uint8_t *text = NULL;
    size_t size = 0;
    *origin = (struct bundle_origin){ 0 };
    int ret = collateral_load(o->path, c, &missing);
    if (ret)
        return term_error("%s%s%s: %s", o->path, missing ? ": " : "", missing ? missing : "",
                          ret == -EINVAL ? (missing ? "missing, or not text" : "not a JSON object") : strerror(-ret));
    if (collateral_examine(c, f, &why)) {
        collateral_fini(c);
        return term_error("%s: %s", o->path, why.text);
    }
    if (file_read(o->path, COLLATERAL_ITEMS * COLLATERAL_ITEM_MAX, &text, &size) == 0)
        bundle_origin_read((const char *)text, size, origin);
    free(text);
    return -1;
}

static int show(const struct options *o)
{
    struct collateral c;
    struct collateral_facts f;
    struct bundle_origin origin;
    int ret = load(o, &c, &f, &origin);
    if (ret != -1)
        return ret;
    collateral_fini(&c);
    ret = print(facts_json(&f, &origin, o->at), o->json);
    bool early = o->at < f.tcb_info.start || o->at < f.qe_identity.start || o->at < f.pck_crl.start ||
                 o->at < f.root_crl.start || o->at < f.signer.start;
    if (ret == EXIT_OK && (early || o->at >= f.expires))
        ret = term_error("%s: %s", o->path, early ? "not yet valid at that time" : "out of date at that time");
    return ret;
}

static int bundle(const struct options *o)
{
    struct collateral c;
    struct collateral_facts f;
    struct bundle_origin origin;
    struct problem why;
    if (!o->out)
        return term_usage("bundle into which file? give --output FILE");
    int ret = load(o, &c, &f, &origin);
    if (ret != -1)
        return ret;
    ret = bundle_write(o->out, &c, &f, &origin, &why);
    collateral_fini(&c);
    return ret ? term_error("%s", why.text) : EXIT_OK;
}

static void say_ready(void *arg, uint16_t port)
{
    const struct options *o = arg;
    char line[128];
    int n = snprintf(line, sizeof(line), "https://localhost:%u/sgx/certification/v4/\n", port);
    printf("serving %s", line);
    fflush(stdout);
    if (o->ready_fd && (write((int)o->ready_fd, line, (size_t)n) != n || close((int)o->ready_fd)))
        term_note("--ready-fd %d: %s", (int)o->ready_fd, strerror(errno));
}

/* PCK CA and root: the software device's own chain without its leaf, or a file in the served folder. */
static char *issuer_chain(const struct options *o)
{
    char path[SOFT_PATH_MAX + 64];
    uint8_t *pem = NULL;
    size_t size = 0;
    bool soft = o->soft.collateral[0];
    snprintf(path, sizeof(path), soft ? "%.900s/../pck_chain.pem" : "%.900s/pck_crl_issuer_chain.pem", o->path);
    if (file_read(path, CHAIN_PEM_MAX, &pem, &size))
        return NULL;
    char *second = soft ? strstr((char *)pem + 1, "-----BEGIN") : NULL;
    if (second)
        memmove(pem, second, strlen(second) + 1);
    return (char *)pem;
}

static int serve(struct options *o)
{
    struct collateral c;
    struct collateral_facts f;
    struct bundle_origin origin;
    struct problem why;
    char cert[4096], key[4096];
    if (o->make_cert) {
        int made = server_cert_make(o->make_cert);
        if (made)
            return term_error("--make-cert: %s: %s", o->make_cert, strerror(-made));
        snprintf(cert, sizeof(cert), "%s/server.crt", o->make_cert);
        snprintf(key, sizeof(key), "%s/server.key", o->make_cert);
        o->cert = cert;
        o->key = key;
    }
    if (!o->cert || !o->key)
        return term_usage("no certificate: give --cert and --key, or --make-cert DIR");
    int ret = load(o, &c, &f, &origin);
    if (ret != -1)
        return ret;
    char *chain = issuer_chain(o);
    struct serve_options s = { .port = (uint16_t)o->port, .cert = o->cert, .key = o->key, .collateral = &c,
                               .pck_issuer_chain = chain, .ready = say_ready, .arg = o };
    ret = collateral_serve(&s, &why) ? term_error("%s", why.text) : EXIT_OK;
    free(chain);
    collateral_fini(&c);
    return ret;
}

static int run(const char *verb, int argc, char **argv, struct options *o)
{
    bool is_fetch = strcmp(verb, "fetch") == 0, is_serve = strcmp(verb, "serve") == 0;
    if (!is_fetch && optind < argc)
        o->path = argv[optind++];
    if (optind < argc)
        return term_usage("too many arguments: %s", argv[optind]);
    if (is_fetch)
        return fetch(o);
    if (!o->path && o->soft.collateral[0])
        o->path = o->soft.collateral;
    if (!o->path)
        return term_usage("%s what? name a folder or a bundle (or --soft)", verb);
    if (is_serve)
        return serve(o);
    return strcmp(verb, "show") == 0 ? show(o) : bundle(o);
}

int cmd_collateral(int argc, char **argv)
{
    static const char *const verbs[] = { "fetch", "show", "bundle", "serve", NULL };
    static struct options o;
    o = (struct options){ .at = (int64_t)time(NULL), .port = 8081 };
    if (argc < 2)
        return term_usage("fetch, show, bundle or serve?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help();
        return EXIT_OK;
    }
    const char *const *verb = verbs;
    while (*verb && strcmp(*verb, argv[1]) != 0)
        verb++;
    if (!*verb)
        return term_usage("unknown: %s: fetch, show, bundle or serve?", argv[1]);
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
    return run(*verb, argc, argv, &o);
}
