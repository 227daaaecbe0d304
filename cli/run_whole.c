/*
 * The parts of `run` with all libraries at hand. A plan that depends on nothing but the manifest's text is kept for the
 * next run (cli/plan_cache.h).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attest/soft/dcap_ql.h"
#include "attest/soft/service.h"
#include "cli/paths.h"
#include "cli/run_parts.h"
#include "cli/term.h"
#include "manifest/disk.h"
#include "manifest/manifest.h"
#include "text/toml.h"

static int make_plan(const struct plan_question *q, const uint8_t *text, size_t text_size, uint8_t **plan, size_t *size, struct problem *why)
{
    struct manifest *m = NULL;
    int ret = manifest_parse(q->manifest, (const char *)text, text_size, &m, why);
    if (ret)
        return ret;
    ret = manifest_to_plan(m, q->unsigned_manifest ? MANIFEST_PLAN_UNSIGNED : 0, plan, size, why);
    if (ret == 0 && !m->argv_src && !m->env_src)
        plan_cache_store(q, text, text_size, *plan, *size);
    manifest_free(m);
    return ret;
}

/* In a file without a name. */
static int place_plan(const uint8_t *plan, size_t size, struct plan_place *out)
{
    int fd = memfd_create("plan", 0);
    for (size_t done = 0; fd >= 0 && done < size;) {
        ssize_t n = write(fd, plan + done, size - done);
        if (n < 0)
            return term_error("cannot hand on the plan: %s", strerror(errno));
        done += (size_t)n;
    }
    if (fd < 0)
        return term_error("cannot hand on the plan: %s", strerror(errno));
    *out = (struct plan_place){ .fd = fd, .bytes = plan, .size = size };
    return 0;
}

int run_plan(const struct plan_question *q, struct plan_place *out)
{
    struct problem why;
    uint8_t *text = NULL, *plan = NULL;
    size_t text_size, size = 0;
    int ret = disk_read(q->manifest, TOML_TEXT_MAX, &text, &text_size, &why);
    if (ret == 0)
        ret = make_plan(q, text, text_size, &plan, &size, &why);
    free(text);
    return ret ? term_error("cannot use the manifest: %s", why.text) : place_plan(plan, size, out);
}

int run_launcher(const char *program, int argc, char **argv)
{
    char found[PATH_MAX];
    if (!program && paths_find(PATH_HOST, NULL, found, sizeof(found)))
        return term_error("cannot find the launcher: %s", found);
    execvp(program ? program : found, argv);
    return term_error("cannot start %s: %s", program ? program : found, strerror(errno));
}

int run_quoting_service(const char *state, char *socket, size_t size)
{
    return attest_soft_service_ensure(state, socket, size);
}

int run_dcap_ql_service(const char *state, char *socket, size_t size)
{
    char why[256];
    int ret = dcap_ql_probe(NULL, why, sizeof(why));
    return ret ? ret : soft_service_ensure(&(struct soft_service){ .state = state, .dcap_ql = true }, socket, size);
}
