/*
 * The parts of `run` with all libraries at hand. A plan that depends on nothing but the manifest's text is kept for the
 * next run (cli/plan_cache.h).
 */
#include <stdlib.h>

#include "attest/soft/service.h"
#include "cli/plan_cache.h"
#include "cli/run_parts.h"
#include "cli/term.h"
#include "manifest/disk.h"
#include "manifest/manifest.h"
#include "text/toml.h"

static int make_plan(struct plan_question *q, uint8_t **plan, size_t *size, struct problem *why)
{
    struct manifest *m = NULL;
    int ret = manifest_parse(q->manifest, (const char *)q->text, q->text_size, &m, why);
    if (ret)
        return ret;
    ret = manifest_to_plan(m, q->unsigned_manifest ? MANIFEST_PLAN_UNSIGNED : 0, plan, size, why);
    if (ret == 0 && !m->argv_src && !m->env_src)
        plan_cache_store(q, *plan, *size);
    manifest_free(m);
    return ret;
}

int run_plan(const char *manifest, bool unsigned_manifest, uint8_t **plan, size_t *size)
{
    struct problem why;
    uint8_t *text = NULL;
    size_t text_size;
    int ret = disk_read(manifest, TOML_TEXT_MAX, &text, &text_size, &why);
    if (ret == 0) {
        struct plan_question q = { .manifest = manifest, .text = text, .text_size = text_size, .unsigned_manifest = unsigned_manifest };
        ret = make_plan(&q, plan, size, &why);
    }
    free(text);
    return ret ? term_error("cannot use the manifest: %s", why.text) : 0;
}

int run_quoting_service(const char *state, char *socket, size_t size)
{
    return attest_soft_service_ensure(state, socket, size);
}
