/* Any text as a manifest: it is refused with a one-line reason, or makes a plan that the enclave's reader takes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Manifests that read other files at this point are none of the parser's business. */
static void use(struct manifest *m)
{
    struct problem why = { "" };
    struct plan p;
    uint8_t *bytes = NULL;
    char *text = NULL;
    size_t plan_size, text_size;
    if (!m->argv_src && !m->env_src && manifest_to_plan(m, MANIFEST_PLAN_UNSIGNED, &bytes, &plan_size, &why) == 0 &&
        plan_open(bytes, plan_size, &p))
        abort();
    if (strstr(why.text, "bug in Cloister"))
        abort();
    free(bytes);
    struct manifest *again = NULL;
    if (manifest_write(m, &text, &text_size, &why) || manifest_parse("again", text, text_size, &again, &why))
        abort();
    manifest_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest *m = NULL;
    struct problem why = { "" };
    if (manifest_parse("fuzz", (const char *)data, size, &m, &why)) {
        if (!why.text[0] || strchr(why.text, '\n'))
            abort();
        return 0;
    }
    use(m);
    manifest_free(m);
    return 0;
}
