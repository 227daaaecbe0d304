/*
 * The hardware device: Linux's in-kernel driver, /dev/sgx_enclave. Written to the kernel's ABI; it has not
 * run on hardware from this repository's tests, which have none: the ioctl loops are unit-tested.
 *
 * enter_hw.S holds the instructions. An asynchronous exit brings the CPU to the AEP, whose ENCLU[ERESUME]
 * goes on; a signal finds RIP there.
 */
#include <asm/sgx.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "host/device.h"
#include "host/device_hw.h"
#include "host/hw_run.h"
#include "host/say.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/sgx/arch.h"

#define XFRM_TILEDATA       18
#define ARCH_XCOMP_PERM     0x1023 /* arch_prctl: ARCH_REQ_XCOMP_PERM */

static int g_fd; /* of /dev/sgx_enclave; open as long as the process lives */

static int64_t real_ioctl(int fd, uint64_t request, void *argument)
{
    int ret = ioctl(fd, request, argument);
    return ret < 0 ? -errno : ret;
}

static int64_t reserve(uint64_t size)
{
    void *p = mmap(pointer_to(LAYOUT_HEAP_START), size - LAYOUT_HEAP_START, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_SHARED | MAP_FIXED_NOREPLACE, g_fd, 0);
    if (p != MAP_FAILED)
        return 0;
    int error = errno;
    host_say("no address space for the enclave, [0x10000, 0x%lx): %s%s", size, host_error_name(error),
             error == EPERM ? ": is vm.mmap_min_addr above 65536, or /dev mounted noexec?" : "");
    return -error;
}

static int64_t hw_create(const uint8_t *page)
{
    const struct sgx_secs *secs = (const struct sgx_secs *)(const void *)page;
    struct sgx_enclave_create p = { .src = address_of(page) };
    g_fd = open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);
    if (g_fd < 0) {
        host_say("cannot open /dev/sgx_enclave: %s: see 'cloister doctor'", host_error_name(errno));
        return -errno;
    }
    if (secs->attributes.xfrm >> XFRM_TILEDATA & 1)
        sys2(__NR_arch_prctl, ARCH_XCOMP_PERM, XFRM_TILEDATA); /* refused: the enclave faults on first use */
    int64_t ret = reserve(secs->size);
    if (ret == 0)
        ret = real_ioctl(g_fd, SGX_IOC_ENCLAVE_CREATE, &p);
    if (ret == -EIO)
        host_say("ECREATE failed: this CPU lacks a feature that the manifest requires");
    return ret;
}

static int64_t hw_add_pages(const struct layout_run *run)
{
    bool tcs = (run->secinfo & SECINFO_TYPE) == SECINFO_TCS;
    int prot = tcs ? PROT_READ | PROT_WRITE : (int)(run->secinfo & 7);
    int64_t ret = hw_add_run(g_fd, real_ioctl, run);
    if (ret)
        return ret;
    void *p = mmap(pointer_to(run->address), run->size, prot, MAP_SHARED | MAP_FIXED, g_fd, 0);
    return p == MAP_FAILED ? -errno : 0;
}

static const char *explain(int64_t error)
{
    switch (error) {
    case SGX_INVALID_SIG_STRUCT: return "the .sig file is no SIGSTRUCT";
    case SGX_INVALID_ATTRIBUTE: return "the enclave's attributes are not what the .sig file demands, or this CPU refuses them";
    case SGX_INVALID_MEASUREMENT: return "the measured MRENCLAVE differs from the .sig file's: the image, the plan or the manifest changed since signing";
    case SGX_INVALID_SIGNATURE: return "the signature in the .sig file is wrong";
    case SGX_INVALID_EINITTOKEN: return "launch refused: Flexible Launch Control is off in the firmware";
    case SGX_INVALID_CPUSVN: return "the CPU's security version is too low";
    case SGX_UNMASKED_EVENT: return "interrupted too often: try again";
    default: return error < 0 ? host_error_name(error) : "unknown SGX error";
    }
}

static int64_t hw_initialise(const uint8_t *sigstruct, const char **why)
{
    int64_t ret = hw_init(g_fd, real_ioctl, sigstruct);
    if (ret)
        *why = explain(ret);
    return ret;
}

static int64_t hw_protect(uint64_t address, uint64_t size, int prot)
{
    return sys3(__NR_mprotect, address, size, (uint64_t)prot);
}

const struct device device_hw = {
    .name = "sgx",
    .create = hw_create,
    .add_pages = hw_add_pages,
    .init = hw_initialise,
    .prepare = hw_prepare,
    .enter = hw_enter,
    .interrupted = hw_interrupted,
    .resume = hw_resume,
    .protect = hw_protect,
};
