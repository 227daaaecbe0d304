/* membarrier: which command needs which registration. The barrier itself is libos/proc/barrier.c.
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/barrier.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

enum {
    QUERY = 0,
    GLOBAL = 1 << 0,
    GLOBAL_EXPEDITED = 1 << 1,
    REGISTER_GLOBAL_EXPEDITED = 1 << 2,
    PRIVATE_EXPEDITED = 1 << 3,
    REGISTER_PRIVATE_EXPEDITED = 1 << 4,
};

#define ALL                                                                                        \
    (GLOBAL | GLOBAL_EXPEDITED | REGISTER_GLOBAL_EXPEDITED | PRIVATE_EXPEDITED |                   \
     REGISTER_PRIVATE_EXPEDITED)

/*
 * Without SYNC_CORE: what serialises a core may not be executed in an enclave (CPUID, IRET: SDM
 * vol. 3D, 34.6.1) or not by every CPU (SERIALIZE). Without RSEQ, which is there in direct only.
 * QUERY says so, as a kernel without them.
 */
int64_t sys_membarrier(int command, unsigned flags, int cpu)
{
    struct process *p = current()->process;
    if (flags)
        return -EINVAL;
    switch (command) {
    case QUERY: return ALL;
    case GLOBAL:
    case GLOBAL_EXPEDITED: barrier_run(NULL); return 0;
    case REGISTER_GLOBAL_EXPEDITED: return 0; /* all are reached anyway */
    case REGISTER_PRIVATE_EXPEDITED:
        __atomic_store_n(&p->membarrier, true, __ATOMIC_RELAXED);
        return 0;
    case PRIVATE_EXPEDITED:
        if (!__atomic_load_n(&p->membarrier, __ATOMIC_RELAXED))
            return -EPERM;
        barrier_run(p);
        return 0;
    default: return -EINVAL;
    }
}
