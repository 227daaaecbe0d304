/*
 * The ENCLU leaves of the software device other than EEXIT: EREPORT and EGETKEY as in the SDM (vol. 3D,
 * chapter 38.4). Leaves of SGX2 raise #GP, as on a CPU without SGX2. Served code, run in a signal
 * handler; it trusts no address that the enclave gives.
 */
#include <sys/uio.h>

#include "host/soft_device.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/sgx/keys.h"
#include "lib/sgx/report.h"

#define VECTOR_NONE (-1)
#define VECTOR_GP   13
#define VECTOR_PF   14
#define EFLAGS_ZF   0x40
#define EFLAGS_ALL  0x8d5 /* OF SF ZF AF PF CF */

#define REPORTDATA_ALIGN 128
#define KEY_ALIGN        16

static bool in_enclave(uint64_t address, uint64_t size, uint64_t align)
{
    return IS_ALIGNED(address, align) && range_within(address - g_soft.secs.base, size, g_soft.secs.size);
}

/* Copy without the risk of a fault: pages of the enclave may be missing. Returns 0 or -EFAULT. */
static int copy(uint64_t to, uint64_t from, uint64_t size)
{
    struct iovec local = { pointer_to(to), size }, remote = { pointer_to(from), size };
    uint64_t pid = (uint64_t)sys1(__NR_getpid, 0);
    return sys6(__NR_process_vm_readv, pid, address_of(&local), 1, address_of(&remote), 1, 0) == (int64_t)size ? 0 : -EFAULT;
}

static int ereport(const greg_t *g)
{
    struct sgx_targetinfo target;
    struct sgx_report report;
    uint8_t data[SGX_REPORTDATA_SIZE];
    uint64_t rbx = (uint64_t)g[REG_RBX], rcx = (uint64_t)g[REG_RCX], rdx = (uint64_t)g[REG_RDX];
    if (!in_enclave(rbx, sizeof(target), sizeof(target)) || !in_enclave(rcx, sizeof(data), REPORTDATA_ALIGN) ||
        !in_enclave(rdx, sizeof(report), 512))
        return VECTOR_GP;
    if (copy(address_of(&target), rbx, sizeof(target)) || copy(address_of(data), rcx, sizeof(data)))
        return VECTOR_PF;
    report_make(&g_soft.platform, &g_soft.secs, &target, data, &report);
    return copy(rdx, address_of(&report), sizeof(report)) ? VECTOR_PF : VECTOR_NONE;
}

static int egetkey(greg_t *g)
{
    struct sgx_keyrequest request;
    uint8_t key[SGX_KEY_SIZE];
    uint64_t rbx = (uint64_t)g[REG_RBX], rcx = (uint64_t)g[REG_RCX];
    if (!in_enclave(rbx, sizeof(request), sizeof(request)) || !in_enclave(rcx, sizeof(key), KEY_ALIGN))
        return VECTOR_GP;
    if (copy(address_of(&request), rbx, sizeof(request)))
        return VECTOR_PF;
    int ret = keys_egetkey(&g_soft.platform, &g_soft.secs, &request, key);
    if (ret < 0)
        return VECTOR_GP;
    int fault = ret == 0 ? copy(rcx, address_of(key), sizeof(key)) : 0;
    bytes_wipe(key, sizeof(key));
    if (fault)
        return VECTOR_PF;
    g[REG_EFL] &= ~(greg_t)EFLAGS_ALL;
    if (ret)
        g[REG_EFL] |= EFLAGS_ZF;
    g[REG_RAX] = ret;
    return VECTOR_NONE;
}

int soft_enclu_leaf(struct host_thread *t, ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    switch ((uint32_t)g[REG_RAX]) {
    case ENCLU_EREPORT: return ereport(g);
    case ENCLU_EGETKEY: return egetkey(g);
    default: return VECTOR_GP;
    }
}
