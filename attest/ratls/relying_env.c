/* Read RA_TLS_* and CLOISTER_*: see attest/ratls/relying_env.h. The environment is the relying
 * party's own. */
#include "attest/ratls/relying_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"

static bool is_on(const char *name)
{
    const char *v = getenv(name);
    return v && strcmp(v, "1") == 0;
}

static void load_platform(struct policy *p)
{
    bool outdated = is_on("RA_TLS_ALLOW_OUTDATED_TCB_INSECURE");
    bool config = is_on("RA_TLS_ALLOW_HW_CONFIG_NEEDED");
    bool hardening = is_on("RA_TLS_ALLOW_SW_HARDENING_NEEDED");
    p->allow_debug = is_on("RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE");
    if (config)
        p->accepted_statuses |= 1u << TCB_CONFIG_NEEDED;
    if (outdated)
        p->accepted_statuses |= 1u << TCB_OUT_OF_DATE;
    if (outdated && config)
        p->accepted_statuses |= 1u << TCB_OUT_OF_DATE_CONFIG_NEEDED;
    if (hardening)
        p->accepted_statuses |= 1u << TCB_SW_HARDENING_NEEDED;
    if (config && hardening)
        p->accepted_statuses |= 1u << TCB_CONFIG_AND_SW_HARDENING_NEEDED;
}

/* "any" is *value NULL. Unset is an error: silence must not mean "anyone". */
static int required(const char *name, const char **value)
{
    *value = getenv(name);
    if (!*value) {
        fprintf(stderr, "RA-TLS: %s: not set: give a value, or \"any\"\n", name);
        return RATLS_VERIFY_FAILED;
    }
    if (strcmp(*value, "any") == 0)
        *value = NULL;
    return 0;
}

static int load_hash(const char *name, struct policy *p, int (*add)(struct policy *, const char *))
{
    const char *value;
    int ret = required(name, &value);
    if (ret == 0 && value && add(p, value)) {
        fprintf(stderr, "RA-TLS: %s: not 64 hexadecimal digits\n", name);
        ret = RATLS_VERIFY_FAILED;
    }
    return ret;
}

static int load_identity(struct policy *p)
{
    const char *prod_id, *svn;
    int ret;
    if ((ret = load_hash("RA_TLS_MRSIGNER", p, policy_add_mrsigner)) ||
        (ret = load_hash("RA_TLS_MRENCLAVE", p, policy_add_mrenclave)) ||
        (ret = required("RA_TLS_ISV_PROD_ID", &prod_id)) ||
        (ret = required("RA_TLS_ISV_SVN", &svn)))
        return ret;
    p->check_prod_id = prod_id != NULL;
    p->prod_id = prod_id ? (uint16_t)strtoul(prod_id, NULL, 10) : 0;
    p->min_svn = svn ? (uint16_t)strtoul(svn, NULL, 10) : 0;
    if (policy_is_open(p))
        fprintf(stderr, "RA-TLS: warning: MRSIGNER and MRENCLAVE are both \"any\": every enclave "
                        "is accepted\n");
    return 0;
}

static int add_root(const char *path, struct trust_roots *out)
{
    uint8_t *pem = NULL;
    size_t size = 0;
    struct trust_roots intel;
    trust_roots_intel(&intel);
    if (strcmp(path, TRUST_INTEL) == 0) {
        if (out->count == TRUST_ROOTS_MAX)
            return -ENOSPC;
        memcpy(out->point[out->count++], intel.point[0], sizeof(intel.point[0]));
        return 0;
    }
    int ret = file_read(path, 1u << 20, &pem, &size);
    if (ret == 0)
        ret = trust_roots_add_pem(out, pem, size);
    if (ret)
        fprintf(stderr, "trust root: %s: %s\n", path,
                ret == -EINVAL ? "no P-256 certificate in PEM form" : strerror(-ret));
    free(pem);
    return ret;
}

int relying_load_roots(const struct trust_files *files, struct trust_roots *out)
{
    *out = (struct trust_roots){ 0 };
    if (files->count == 0)
        trust_roots_intel(out);
    for (unsigned i = 0; i < files->count; i++) {
        int ret = add_root(files->path[i], out);
        if (ret)
            return ret;
    }
    return 0;
}

int relying_load_root(const char *path, struct trust_roots *out)
{
    *out = (struct trust_roots){ 0 };
    return add_root(path ? path : TRUST_INTEL, out);
}

/* No file named: it will be fetched, and these say how. */
static int load_wish(struct relying_env *e)
{
    const char *offline = getenv("CLOISTER_COLLATERAL_OFFLINE"),
               *seconds = getenv("CLOISTER_COLLATERAL_SECONDS");
    char *end = NULL;
    e->fetch = true;
    e->wish = (struct collateral_wish){ .seconds = RELYING_SECONDS };
    if (offline && collateral_wish_offline(offline, &e->wish)) {
        fprintf(stderr,
                "RA-TLS: CLOISTER_COLLATERAL_OFFLINE: %.40s: write refuse, cached or never\n",
                offline);
        return -EINVAL;
    }
    unsigned long n = seconds ? strtoul(seconds, &end, 10) : RELYING_SECONDS;
    if (seconds &&
        (*seconds < '0' || *seconds > '9' || *end || n == 0 || n > RELYING_SECONDS_MAX)) {
        fprintf(stderr, "RA-TLS: CLOISTER_COLLATERAL_SECONDS: %.40s: not a number from 1 to %d\n",
                seconds, RELYING_SECONDS_MAX);
        return -EINVAL;
    }
    e->wish.seconds = (unsigned)n;
    return 0;
}

static int load_collateral(const char *path, struct relying_env *e)
{
    const char *missing = NULL;
    if (!path)
        return load_wish(e);
    int ret = collateral_load(path, &e->collateral, &missing);
    if (ret)
        fprintf(stderr, "collateral: %s%s%s: %s\n", path, missing ? "/" : "",
                missing ? missing : "", strerror(-ret));
    return ret;
}

const struct collateral *relying_env_collateral(const struct relying_env *e, const uint8_t *der,
                                                size_t size, int64_t now,
                                                struct collateral *fetched,
                                                char why[PROVIDER_WORDS])
{
    *fetched = (struct collateral){ 0 };
    if (!e->fetch)
        return &e->collateral;
    int ret = relying_collateral_get(der, size, &e->roots, &e->wish, now, fetched, why);
    return ret == 0 || ret == -ENODATA
               ? fetched
               : NULL; /* without a believable quote, verifying says what is wrong */
}

int relying_env_load(bool with_identity, struct relying_env *out)
{
    *out = (struct relying_env){ 0 };
    load_platform(&out->policy);
    int ret = with_identity ? load_identity(&out->policy) : 0;
    if (ret)
        return ret;
    if (relying_load_root(getenv("CLOISTER_TRUST_ROOT"), &out->roots) ||
        load_collateral(getenv("CLOISTER_COLLATERAL"), out))
        return RATLS_FATAL;
    return 0;
}

void relying_env_fini(struct relying_env *e)
{
    collateral_fini(&e->collateral);
}
