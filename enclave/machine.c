/* The machine's interface: passes each call to the back end that the door chose. */
#include "enclave/machine.h"

#include "enclave/backend.h"
#include "enclave/cpu.h"
#include "enclave/log.h"
#include "enclave/sync.h"
#include "lib/base/assert.h"

struct machine g_machine;
const struct backend *g_backend;

int machine_pages_commit(uint64_t address, uint64_t size, unsigned prot)
{
    trace(TRACE_MM, "mm: commit %#lx+%#lx prot %u", address, size, prot);
    return g_backend->pages_commit(address, size, prot);
}

int machine_pages_commit_sparse(uint64_t address, uint64_t size, unsigned prot)
{
    trace(TRACE_MM, "mm: commit %#lx+%#lx prot %u, sparse", address, size, prot);
    return g_backend->pages_commit_sparse(address, size, prot);
}

int machine_pages_protect(uint64_t address, uint64_t size, unsigned prot)
{
    trace(TRACE_MM, "mm: protect %#lx+%#lx prot %u", address, size, prot);
    return g_backend->pages_protect(address, size, prot);
}

int machine_pages_release(uint64_t address, uint64_t size)
{
    trace(TRACE_MM, "mm: release %#lx+%#lx", address, size);
    return g_backend->pages_release(address, size);
}

int machine_pages_discard(uint64_t address, uint64_t size)
{
    return g_backend->pages_discard(address, size);
}

int machine_pages_map_file(uint64_t address, uint64_t size, unsigned prot, int flags, int host_fd,
                           uint64_t offset)
{
    trace(TRACE_MM, "mm: map fd %d+%#lx at %#lx+%#lx prot %u", host_fd, offset, address, size,
          prot);
    return g_backend->pages_map_file(address, size, prot, flags, host_fd, offset);
}

int machine_pages_move(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size)
{
    return g_backend->pages_move(from, from_size, to, to_size);
}

int machine_pages_advise(uint64_t address, uint64_t size, int advice)
{
    return g_backend->pages_advise(address, size, advice);
}

int machine_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out)
{
#if !__STDC_HOSTED__
    __atomic_store_n(&g_sync_alone, false, __ATOMIC_SEQ_CST);
#endif
    return g_backend->thread_create(entry, arg, out);
}

_Noreturn void machine_thread_exit(void)
{
    g_backend->thread_exit();
    BUG();
}

int machine_thread_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature)
{
    return g_backend->thread_rseq(area, size, flags, signature);
}

void machine_thread_kick(struct thread_block *tb)
{
    g_backend->thread_kick(tb);
}

_Noreturn void machine_exit(int status)
{
    g_backend->exit(status);
    for (;;)
        cpu_pause();
}

int machine_random(void *out, size_t size)
{
    return g_backend->random(out, size);
}

int machine_report(const void *target_info, const void *data, void *report)
{
    return g_backend->report(target_info, data, report);
}

int machine_key(const struct sgx_keyrequest *request, uint8_t key[16])
{
    return g_backend->key(request, key);
}

_Noreturn void panic(const char *file, int line, const char *what)
{
    static uint32_t g_panicking;
    if (!__atomic_exchange_n(&g_panicking, 1, __ATOMIC_SEQ_CST))
        log_always("internal error at %s:%d: %s", file, line, what);
    machine_exit(134);
}
