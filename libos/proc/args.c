/*
 * argv and environment of the first program. The plan is measured; the host's words are not, and get
 * in only by loader.insecure__use_cmdline_argv, loader.insecure__use_host_env and passthrough.
 */
#include "libos/proc/args.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"

/* The word at *at and its length; advances. false at the end or at a word that does not end. */
static bool next_word(struct host_words host, size_t *at, const char **word, size_t *length)
{
    if (*at >= host.size)
        return false;
    *word = host.block + *at;
    *length = str_length(*word, host.size - *at);
    *at += *length + 1;
    return true;
}

static int add_plan_string(const struct plan *plan, struct plan_str s, struct words *out)
{
    return words_add(out, plan_string(plan, s), s.length);
}

int args_build_argv(const struct plan *plan, struct host_words host, struct words *out, enum args_note *note)
{
    const struct plan_header *h = plan->h;
    const struct plan_str *argv = plan_items(plan, h->argv);
    const char *word;
    size_t at = 0, length;
    int err = 0;
    *note = ARGS_FINE;
    if (!(h->flags & PLAN_CMDLINE_ARGV) && h->argv.count > 0) {
        *note = host.size ? ARGS_DROPPED : ARGS_FINE;
        for (uint32_t i = 0; !err && i < h->argv.count; i++)
            err = add_plan_string(plan, argv[i], out);
        return err;
    }
    if (!(h->flags & PLAN_CMDLINE_ARGV) && host.size)
        return -EINVAL;
    err = add_plan_string(plan, h->entrypoint, out);
    while (!err && next_word(host, &at, &word, &length))
        err = words_add(out, word, length);
    return err;
}

static const struct plan_env *find_env(const struct plan *plan, const char *name, size_t length)
{
    const struct plan_env *env = plan_items(plan, plan->h->env);
    for (uint32_t i = 0; i < plan->h->env.count; i++)
        if (env[i].name.length == length && !memcmp(plan_string(plan, env[i].name), name, length))
            return &env[i];
    return NULL;
}

int args_build_env(const struct plan *plan, struct host_words host, struct words *out)
{
    const struct plan_env *env = plan_items(plan, plan->h->env);
    const char *word;
    size_t at = 0, length;
    int err = 0;
    while (!err && next_word(host, &at, &word, &length)) {
        size_t name = 0;
        while (name < length && word[name] != '=')
            name++;
        if (name == length)
            return -EINVAL;
        const struct plan_env *listed = find_env(plan, word, name);
        bool keep = listed ? listed->passthrough != 0 : (plan->h->flags & PLAN_HOST_ENV) != 0;
        if (keep)
            err = words_add(out, word, length);
    }
    for (uint32_t i = 0; !err && i < plan->h->env.count; i++)
        if (!env[i].passthrough)
            err = words_add_pair(out, plan_string(plan, env[i].name), env[i].name.length,
                                 plan_string(plan, env[i].value), env[i].value.length);
    return err;
}
