/* Options of `cloister secret-server`: what to serve, to whom, and whom to believe. */
#include "cli/secret_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"
#include "attest/ratls/relying_env.h"
#include "attest/secret/server_cert.h"
#include "cli/commands.h"
#include "cli/relying_options.h"
#include "cli/term.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/sgx/sigstruct.h"
#include "text/problem.h"

enum {
    OPT_PORT = 256, OPT_LISTEN, OPT_CERT, OPT_KEY, OPT_MAKE_CERT, OPT_SECRET, OPT_KEY_FILE, OPT_POLICY,
    OPT_MRENCLAVE, OPT_MRSIGNER, OPT_PROD_ID, OPT_SVN, OPT_DEBUG, OPT_ACCEPT_TCB, OPT_ANY, OPT_ROOT,
    OPT_COLLATERAL, OPT_SOFT, OPT_ONCE, OPT_MAX, OPT_READY, OPT_JSON, OPT_SECRETS, OPT_AUDIT,
};

static const struct option g_options[] = {
    { "port", required_argument, NULL, OPT_PORT },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "cert", required_argument, NULL, OPT_CERT },
    { "key", required_argument, NULL, OPT_KEY },
    { "make-cert", required_argument, NULL, OPT_MAKE_CERT },
    { "secret-file", required_argument, NULL, OPT_SECRET },
    { "key-file", required_argument, NULL, OPT_KEY_FILE },
    { "secrets", required_argument, NULL, OPT_SECRETS },
    { "audit-log", required_argument, NULL, OPT_AUDIT },
    { "policy", required_argument, NULL, OPT_POLICY },
    { "mrenclave", required_argument, NULL, OPT_MRENCLAVE },
    { "mrsigner", required_argument, NULL, OPT_MRSIGNER },
    { "isv-prod-id", required_argument, NULL, OPT_PROD_ID },
    { "isv-svn", required_argument, NULL, OPT_SVN },
    { "allow-debug", no_argument, NULL, OPT_DEBUG },
    { "accept-tcb", required_argument, NULL, OPT_ACCEPT_TCB },
    { "any-enclave", no_argument, NULL, OPT_ANY },
    { "trust-root", required_argument, NULL, OPT_ROOT },
    { "collateral", required_argument, NULL, OPT_COLLATERAL },
    { "soft", optional_argument, NULL, OPT_SOFT },
    { "once", no_argument, NULL, OPT_ONCE },
    { "max-clients", required_argument, NULL, OPT_MAX },
    { "ready-fd", required_argument, NULL, OPT_READY },
    { "json", no_argument, NULL, OPT_JSON },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

static void help(void)
{
    fputs("Usage: cloister secret-server --secret-file FILE --mrenclave HEX [OPTION]...\n"
          "Release a secret to enclaves that prove, over attested TLS, to be the accepted ones.\n\n"
          "What is served, and where:\n"
          "  --secret-file FILE     the secret, as it is\n"
          "  --key-file FILE        the same, and it must be a 16-byte key of encrypted files\n"
          "  --secrets FILE         several secrets by name, each with its policy: see FILES\n"
          "  --listen ADDR:PORT     default 127.0.0.1:4433; port 0 takes a free one\n"
          "  --port PORT            listen on 127.0.0.1:PORT\n"
          "  --cert F, --key F      the server's certificate (chain) and key, PEM\n"
          "  --make-cert DIR        make a CA and a certificate for localhost in DIR (or use those there);\n"
          "                         enclaves need DIR/ca.crt\n"
          "Who gets it (give --mrenclave or --mrsigner; repeat for more):\n"
          "  --mrenclave HEX|@FILE  accepted measurement; @FILE takes it from a .sig\n"
          "  --mrsigner HEX|@FILE   accepted signer\n"
          "  --isv-prod-id N        accepted product id (default: any)\n"
          "  --isv-svn N            least security version (default 0)\n"
          "  --allow-debug          accept debug enclaves, whose memory the host can read\n"
          "  --accept-tcb STATUS    accept a platform status beside UpToDate, e.g. SWHardeningNeeded\n"
          "  --any-enclave          accept every enclave on a genuine platform\n"
          "  --policy FILE          the same and more as a TOML file (attest/README.md)\n"
          "Whom to believe:\n"
          "  --trust-root FILE      root certificate to trust instead of Intel's\n"
          "  --collateral PATH      folder or file with revocation lists, TCB info and QE identity\n"
          "  --soft[=DIR]           trust this machine's software device: for development, protects nothing\n"
          "Running:\n"
          "  --once                 end after one client was served\n"
          "  --max-clients N        end after N were served\n"
          "  --ready-fd N           write the address to descriptor N when ready\n"
          "  --audit-log FILE       append a JSON line for each client; a release is written there before it happens,\n"
          "                         and does not happen when it cannot be written\n"
          "  --json                 log as JSON lines\n"
          "  --help                 show this\n\n"
          "FILES: --secrets is TOML: [secret.NAME] with file = \"path\", policy = \"path\", and key = true for a 16-byte key of\n"
          "encrypted files; paths are relative to it. An enclave gets the first secret it may have, and can ask for others by name.\n\n"
          "Signals: HUP reads every file again (secrets, policies, collateral, certificate) and reopens the audit log; what is bad\n"
          "leaves the old in use. TERM and INT let the present clients finish.\n\n"
          "Logs one line per client on stdout. Exit status: 0 ended as asked; 1 could not serve; 2 wrong command line.\n",
          stdout);
}

/* HEX, or @FILE with a SIGSTRUCT. */
static int add_identity(struct policy *p, const char *arg, bool signer)
{
    char hex[65];
    if (arg[0] == '@') {
        uint8_t *data = NULL, value[32];
        size_t size = 0;
        struct sgx_sigstruct s;
        int ret = file_read(arg + 1, 65536, &data, &size);
        if (ret)
            return term_error("%s: %s", arg + 1, strerror(-ret));
        bool good = size == sizeof(s);
        if (good)
            memcpy(&s, data, sizeof(s));
        free(data);
        if (!good || sigstruct_verify(&s))
            return term_error("%s: not a valid SIGSTRUCT (.sig)", arg + 1);
        memcpy(value, s.enclavehash, 32);
        if (signer)
            sigstruct_mrsigner(&s, value);
        hex_encode(value, 32, hex);
        arg = hex;
    }
    int ret = signer ? policy_add_mrsigner(p, arg) : policy_add_mrenclave(p, arg);
    if (ret)
        return term_usage("--%s: not 64 hexadecimal digits: %s", signer ? "mrsigner" : "mrenclave", arg);
    return -1;
}

static int take_u16(const char *name, const char *arg, uint16_t *out)
{
    uint64_t v;
    if (str_parse_u64(arg, strlen(arg), &v) || v > UINT16_MAX)
        return term_usage("--%s: not a number from 0 to 65535: %s", name, arg);
    *out = (uint16_t)v;
    return -1;
}

static int take_address(struct secret_options *o, const char *arg)
{
    const char *colon = strrchr(arg, ':');
    size_t host = colon ? (size_t)(colon - arg) : 0;
    const char *start = arg;
    if (host >= 2 && arg[0] == '[' && arg[host - 1] == ']') { /* [::1]:4433 */
        start++;
        host -= 2;
    }
    if (host == 0 || host >= sizeof(o->host) || !colon[1] || strlen(colon + 1) >= sizeof(o->port))
        return term_usage("--listen: not ADDRESS:PORT: %s", arg);
    memcpy(o->host, start, host);
    o->host[host] = 0;
    strcpy(o->port, colon + 1);
    return -1;
}

static int take_secret(struct secret_options *o, const char *path, bool is_key)
{
    if (o->secret_path)
        return term_usage("give one of --secret-file and --key-file, once");
    o->secret_path = path;
    o->secret_is_key = is_key;
    return -1;
}

static int take_policy(struct secret_options *o, const char *path)
{
    struct problem why;
    if (policy_file_load(path, &o->policy, &why))
        return term_error("policy: %s", why.text);
    return -1;
}

static int make_cert(struct secret_options *o, const char *folder)
{
    int ret = server_cert_make(folder);
    if (ret)
        return term_error("--make-cert: %s: %s", folder, strerror(-ret));
    snprintf(o->cert, sizeof(o->cert), "%s/server.crt", folder);
    snprintf(o->key, sizeof(o->key), "%s/server.key", folder);
    return -1;
}

static int take_soft(struct secret_options *o, const char *given)
{
    o->soft = true;
    return relying_take_soft(given, &o->policy);
}

static int take_number(const char *name, const char *arg, uint64_t *out)
{
    if (str_parse_u64(arg, strlen(arg), out) || *out > INT32_MAX)
        return term_usage("--%s: not a number: %s", name, arg);
    return -1;
}

static int take_path(const char *arg, char *out, size_t size)
{
    if ((size_t)snprintf(out, size, "%s", arg) >= size)
        return term_usage("path too long: %.40s...", arg);
    return -1;
}

static int take_identity_option(int c, struct secret_options *o)
{
    struct policy *p = &o->policy.policy;
    switch (c) {
    case OPT_MRENCLAVE: return add_identity(p, optarg, false);
    case OPT_MRSIGNER: return add_identity(p, optarg, true);
    case OPT_PROD_ID: p->check_prod_id = true; return take_u16("isv-prod-id", optarg, &p->prod_id);
    case OPT_SVN: return take_u16("isv-svn", optarg, &p->min_svn);
    case OPT_DEBUG: p->allow_debug = true; return -1;
    case OPT_ANY: o->policy.any_enclave = true; return -1;
    case OPT_ACCEPT_TCB:
        return policy_accept_status(p, optarg) ? term_usage("--accept-tcb: unknown status: %s", optarg) : -1;
    case OPT_POLICY: return take_policy(o, optarg);
    case OPT_ROOT:
        o->policy.roots.count = 1;
        return take_path(optarg, o->policy.roots.path[0], sizeof(o->policy.roots.path[0]));
    case OPT_COLLATERAL: return take_path(optarg, o->policy.collateral, sizeof(o->policy.collateral));
    case OPT_SOFT: return take_soft(o, optarg);
    default: return -1;
    }
}

static int take_option(int c, struct secret_options *o)
{
    uint64_t fd;
    int ret;
    switch (c) {
    case OPT_PORT: strcpy(o->host, "127.0.0.1"); return take_path(optarg, o->port, sizeof(o->port));
    case OPT_LISTEN: return take_address(o, optarg);
    case OPT_CERT: return take_path(optarg, o->cert, sizeof(o->cert));
    case OPT_KEY: return take_path(optarg, o->key, sizeof(o->key));
    case OPT_MAKE_CERT: return make_cert(o, optarg);
    case OPT_SECRET: return take_secret(o, optarg, false);
    case OPT_KEY_FILE: return take_secret(o, optarg, true);
    case OPT_SECRETS: o->secrets_path = optarg; return -1;
    case OPT_AUDIT: o->audit_path = optarg; return -1;
    case OPT_ONCE: o->max_clients = 1; return -1;
    case OPT_MAX: return take_number("max-clients", optarg, &o->max_clients);
    case OPT_READY:
        ret = take_number("ready-fd", optarg, &fd);
        o->ready_fd = ret == -1 ? (int)fd : -1;
        return ret;
    case OPT_JSON: o->json = true; return -1;
    case 'h': help(); return EXIT_OK;
    default: return take_identity_option(c, o);
    }
}

/* What is missing, and the files that options name. */
static int finish(struct secret_options *o)
{
    struct problem why;
    uint8_t *secret = NULL;
    size_t size = 0;
    int ret = 0;
    if (!o->secret_path && !o->secrets_path)
        return term_usage("nothing to serve: give --secret-file, --key-file or --secrets");
    if (!o->cert[0] || !o->key[0])
        return term_usage("no certificate: give --cert and --key, or --make-cert DIR");
    if (o->secret_path && policy_is_open(&o->policy.policy) && !o->policy.any_enclave)
        return term_usage("who may have it? give --mrenclave or --mrsigner (or --any-enclave)");
    if (o->secret_path && !o->policy.collateral[0])
        return term_usage("no collateral: give --collateral PATH (or --soft for the software device)");
    o->set = secret_set_new();
    if (!o->set)
        return term_error("%s", strerror(ENOMEM));
    if (o->secret_path) {
        ret = secret_read(o->secret_path, o->secret_is_key, &secret, &size, &why);
        if (ret == 0)
            ret = secret_set_add(o->set, "default", secret, size, &o->policy, NULL, &why);
    }
    if (ret == 0 && o->secrets_path)
        ret = secret_set_load(o->set, o->secrets_path, &o->policy, &why);
    return ret ? term_error("%s", why.text) : -1;
}

int secret_options_parse(int argc, char **argv, struct secret_options *out)
{
    *out = (struct secret_options){ .host = "127.0.0.1", .port = "4433", .ready_fd = -1 };
    opterr = 0;
    optind = 0; /* a reload parses the same command line again */
    for (int c; (c = getopt_long(argc, argv, "h", g_options, NULL)) != -1;) {
        if (c == '?')
            return term_usage("unknown option, or one without its argument: %s", argv[optind - 1]);
        int ret = take_option(c, out);
        if (ret != -1)
            return ret;
    }
    if (optind < argc)
        return term_usage("too many arguments: %s", argv[optind]);
    return finish(out);
}

void secret_options_fini(struct secret_options *o)
{
    secret_set_put(o->set);
    o->set = NULL;
}
