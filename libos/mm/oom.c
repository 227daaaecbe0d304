/*
 * Out of memory, said once and usefully: who asked for how much, how much there is, and which line
 * of the manifest to change. A program's own message ("Killed", MemoryError) never says that.
 */
#include "enclave/log.h"
#include "enclave/machine.h"
#include "libos/mm/mm.h"
#include "libos/proc/process.h"

static uint32_t g_reported; /* atomic */

void mm_report_oom(const char *call, uint64_t size)
{
    if (__atomic_exchange_n(&g_reported, 1, __ATOMIC_RELAXED))
        return;
    struct thread *t = current();
    unsigned long long kib = (unsigned long long)(size >> 10);
    if (g_machine.is_enclave)
        log_error("out of memory: %s of %llu KiB by %s (pid %d): raise sgx.enclave_size in the "
                  "manifest (now %llu MiB)",
                  call, kib, t ? t->name : "start", t ? t->process->pid : 0,
                  (unsigned long long)(g_machine.plan.h->enclave_size >> 20));
    else
        log_error("out of memory: %s of %llu KiB by %s (pid %d): the host has no more to give (or "
                  "no more mappings: sysctl vm.max_map_count)",
                  call, kib, t ? t->name : "start", t ? t->process->pid : 0);
}
