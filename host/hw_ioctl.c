/*
 * The loops around the SGX driver's ioctls (Linux uapi asm/sgx.h): it may be interrupted, or do part of
 * what was asked and say how much. Start-up only.
 */
#include <asm/sgx.h>
#include <errno.h>

#include "host/device_hw.h"
#include "host/syscall.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/sgx/arch.h"

#define INIT_ATTEMPTS 50 /* an interrupt storm may make EINIT fail time and again */
#define ZERO_CHUNK    (UINT64_C(1) << 20)

static_assert(sizeof(struct sgx_enclave_create) == 8 && SGX_IOC_ENCLAVE_CREATE == 0x4008a400, "uapi");
static_assert(sizeof(struct sgx_enclave_add_pages) == 48 && SGX_IOC_ENCLAVE_ADD_PAGES == 0xc030a401, "uapi");
static_assert(sizeof(struct sgx_enclave_init) == 8 && SGX_IOC_ENCLAVE_INIT == 0x4008a402, "uapi");

/* The driver reads `length` bytes at src: zero pages come from a buffer of zeros, a chunk at a time. */
static const uint8_t g_zeros[1 << 20] __attribute__((aligned(4096)));

static int64_t add_chunk(int fd, hw_ioctl *call, struct sgx_enclave_add_pages *p)
{
    while (p->length) {
        p->count = 0;
        int64_t ret = call(fd, SGX_IOC_ENCLAVE_ADD_PAGES, p);
        if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
            return ret;
        if (p->count > p->length || !IS_ALIGNED(p->count, PAGE_SIZE) || (ret >= 0 && p->count == 0))
            return -EIO; /* neither an error nor progress */
        p->src += p->count;
        p->offset += p->count;
        p->length -= p->count;
    }
    return 0;
}

int64_t hw_add_run(int fd, hw_ioctl *call, const struct layout_run *run)
{
    struct sgx_secinfo secinfo = { .flags = run->secinfo };
    uint64_t step = run->content ? run->size : ZERO_CHUNK;
    for (uint64_t done = 0; done < run->size; done += step) {
        struct sgx_enclave_add_pages p = {
            .src = run->content ? address_of(run->content) + done : address_of(g_zeros),
            .offset = run->address + done,
            .length = MIN(step, run->size - done),
            .secinfo = address_of(&secinfo),
            .flags = run->measured ? SGX_PAGE_MEASURE : 0,
        };
        int64_t ret = add_chunk(fd, call, &p);
        if (ret)
            return ret;
    }
    return 0;
}

int64_t hw_init(int fd, hw_ioctl *call, const void *sigstruct)
{
    struct sgx_enclave_init p = { .sigstruct = address_of(sigstruct) };
    int64_t ret = -EIO;
    for (int i = 0; i < INIT_ATTEMPTS; i++) {
        ret = call(fd, SGX_IOC_ENCLAVE_INIT, &p);
        if (ret != -EINTR && ret != -EAGAIN && ret != SGX_UNMASKED_EVENT)
            break;
    }
    return ret;
}
