/*
 * --stats: what the program asked of libos, printed when it ends. Counts only; whoever reads them learns how often
 * the program called, so a production enclave has them only if its manifest says so (g_machine.stats).
 */
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "lib/base/fmt.h"
#include "libos/exec/rewrite.h"
#include "libos/sys/dispatch.h"

enum { STATS_TEXT = 1, STATS_JSON = 2 };

struct out {
    char text[512];
    size_t used;
};

static void flush(struct out *o)
{
    host_call(write_now, (uint64_t)g_machine.log_fd, PTR(o->text), o->used);
    o->used = 0;
}

static void print_calls(struct out *o, const char *format)
{
    const char *comma = "";
    for (uint64_t nr = 0; nr < SYSCALL_MAX; nr++) {
        uint64_t count = dispatch_count(nr);
        if (!count)
            continue;
        if (o->used > sizeof(o->text) - 100)
            flush(o);
        const char *name = syscall_table[nr].name ? syscall_table[nr].name : "missing";
        o->used += fmt_print(o->text + o->used, sizeof(o->text) - o->used, format, comma, name, count);
        comma = ", ";
    }
}

void dispatch_print_stats(void)
{
    struct out o = { .used = 0 };
    struct rewrite_stats r;
    uint64_t total = 0;

    if (!g_machine.stats)
        return;
    rewrite_stats(&r);
    for (uint64_t nr = 0; nr < SYSCALL_MAX; nr++)
        total += dispatch_count(nr);
    bool json = g_machine.stats == STATS_JSON;
    o.used = fmt_print(o.text, sizeof(o.text),
                       json ? "{\"libos\": {\"syscalls\": %lu, \"traps\": %lu, \"sites\": %lu, \"rewritten\": %lu, \"calls\": {"
                            : "----- libos: %lu system calls, %lu of them trapped; %lu sites seen, %lu rewritten -----\n",
                       total, r.traps, r.sites, r.rewritten);
    print_calls(&o, json ? "%s\"%s\": %lu" : "%.0s  %-24s %lu\n");
    if (json)
        o.used += fmt_print(o.text + o.used, sizeof(o.text) - o.used, "}}}\n");
    flush(&o);
}
