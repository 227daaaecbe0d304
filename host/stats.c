/* Counters at the end of a run: how often the boundary was crossed, by which calls. Served code. */
#include "host/stats.h"

#include "host/device.h"
#include "host/options.h"
#include "host/say.h"
#include "host/syscall.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

void stats_count_bytes(struct host_thread *t, const struct hostcall_frame *f)
{
    if (f->nr >= HC_COUNT)
        return;
    const struct hostcall *hc = &hostcall_table[f->nr];
    for (int i = 0; i < 6; i++) {
        const struct hostcall_arg *a = &hc->arg[i];
        if (a->kind <= ARG_VAL || !f->r[i])
            continue;
        if (a->len_from == HOSTCALL_LEN_STR)
            t->counters.bytes += str_length(pointer_to(f->r[i]), 4096);
        else if (a->scaled)
            t->counters.bytes += a->len_fixed * f->r[a->len_from];
        else
            t->counters.bytes += a->len_fixed ? a->len_fixed : f->r[a->len_from];
    }
}

static void sum_counters(struct thread_counters *sum)
{
    uint64_t *to = (uint64_t *)(void *)sum;
    static_assert(sizeof(*sum) % 8 == 0, "all uint64_t");
    for (uint32_t i = 0; i < g_host.thread_count; i++) {
        const struct host_thread *t = __atomic_load_n(&g_host.threads[i], __ATOMIC_ACQUIRE);
        const uint64_t *from = t ? (const uint64_t *)(const void *)&t->counters : NULL;
        for (size_t j = 0; from && j < sizeof(*sum) / 8; j++)
            to[j] += from[j];
    }
}

static void print_text(const struct thread_counters *c)
{
    host_print("----- Total SGX stats for process %ld -----\n"
               "  # of EENTERs: %lu\n  # of EEXITs: %lu\n  # of AEXs: %lu\n"
               "  bytes offered to host calls: %lu\n  enclave loading time: %lu microseconds\n",
               (long)sys1(__NR_getpid, 0), c->eenter, c->eexit, c->aex, c->bytes, g_host.load_ns / 1000);
    for (int i = 0; i < HC_COUNT; i++)
        if (c->calls[i])
            host_print("  %-18s %lu\n", hostcall_table[i].name, c->calls[i]);
}

static void print_json(const struct thread_counters *c)
{
    const char *comma = "";
    host_print("{\"mode\": \"%s\", \"eenter\": %lu, \"eexit\": %lu, \"aex\": %lu, \"bytes\": %lu, \"load_us\": %lu, \"calls\": {",
               g_host.device->name, c->eenter, c->eexit, c->aex, c->bytes, g_host.load_ns / 1000);
    for (int i = 0; i < HC_COUNT; i++) {
        if (!c->calls[i])
            continue;
        host_print("%s\"%s\": %lu", comma, hostcall_table[i].name, c->calls[i]);
        comma = ", ";
    }
    host_print("}}\n");
}

void stats_print(void)
{
    struct thread_counters sum;
    if (g_host.stats == STATS_NONE)
        return;
    memset(&sum, 0, sizeof(sum));
    sum_counters(&sum);
    if (g_host.stats == STATS_JSON)
        print_json(&sum);
    else
        print_text(&sum);
}
