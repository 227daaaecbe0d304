/*
 * The software SGX device, building an enclave: ECREATE, EADD, EEXTEND and EINIT with the checks and
 * the measurement of the SDM (vol. 3D, chapter 38.3). Start-up only. What happens after is soft_run.c.
 *
 * It protects nothing: the enclave's memory is this process's. It behaves like hardware so that what
 * works here works there.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/device.h"
#include "host/say.h"
#include "host/signals.h"
#include "host/soft_device.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"
#include "lib/sgx/image.h"
#include "lib/sgx/measure.h"
#include "lib/sgx/secs.h"

#define SECINFO_KNOWN (SECINFO_R | SECINFO_W | SECINFO_X | SECINFO_TYPE)

static struct measure g_measure; /* the enclave being built */
static uint64_t g_added_end;     /* pages are added in ascending order; lower ones: no */

void soft_set_key(const uint8_t key[32])
{
    memcpy(g_soft.platform.secret, key, sizeof(g_soft.platform.secret));
    memset(g_soft.platform.cpusvn, 1, sizeof(g_soft.platform.cpusvn)); /* as the software quoting enclave's */
}

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void find_xsave_layout(void)
{
    uint32_t a, b, c, d;
    for (uint32_t i = 2; i < 63; i++) {
        __cpuid_count(0xd, i, a, b, c, d);
        g_soft.xsave_size[i] = a;
        g_soft.xsave_offset[i] = b;
    }
}

/* [0x10000, size) of this process becomes the enclave; below, the kernel lets nobody map. */
static int64_t reserve(uint64_t size)
{
    uint64_t low, text_size;
    signals_own_text(&low, &text_size);
    if (low < size) {
        host_say("the launcher stands inside the enclave's range: enclave size 0x%lx is too large", size);
        return -EINVAL;
    }
    void *p = mmap(pointer_to(LAYOUT_HEAP_START), size - LAYOUT_HEAP_START, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != MAP_FAILED)
        return 0;
    int error = errno;
    host_say("no address space for the enclave, [0x10000, 0x%lx): %s%s", size, host_error_name(error),
             error == EPERM ? ": is vm.mmap_min_addr above 65536?" : error == EEXIST ? ": something else is mapped there" : "");
    return -error;
}

static int64_t soft_create(const uint8_t *page)
{
    const struct sgx_secs *secs = (const struct sgx_secs *)(const void *)page;
    uint64_t size = secs->size;
    if (g_soft.secs.size) {
        host_say("ECREATE: this process has an enclave already");
        return -EBUSY;
    }
    if (size <= LAYOUT_HEAP_START || (size & (size - 1)) || (secs->base & (size - 1)) || secs->base) {
        host_say("ECREATE: #GP: size 0x%lx is not a power of two, or base 0x%lx is not a multiple of it", size, secs->base);
        return -EINVAL;
    }
    if (secs_check(secs, read_xcr0())) {
        host_say("ECREATE: #GP: bad SECS: attributes 0x%lx, XFRM 0x%lx (this CPU: 0x%lx), MISCSELECT 0x%x, SSA frame of %u pages",
                 secs->attributes.flags, secs->attributes.xfrm, read_xcr0(), secs->miscselect, secs->ssa_frame_size);
        return -EINVAL;
    }
    int64_t ret = reserve(size);
    if (ret)
        return ret;
    g_soft.secs = *secs;
    g_soft.frame_size = secs->ssa_frame_size * PAGE_SIZE;
    g_soft.tcs = calloc(LAYOUT_MAX_THREADS, sizeof(*g_soft.tcs));
    if (!g_soft.tcs || getrandom(g_soft.platform.report_keyid, sizeof(g_soft.platform.report_keyid), 0) < 0)
        return -ENOMEM;
    find_xsave_layout();
    measure_ecreate(&g_measure, secs->ssa_frame_size, size);
    return 0;
}

/* EADD's checks of a TCS page. */
static bool tcs_ok(const struct sgx_tcs *tcs)
{
    return tcs->state == 0 && (tcs->flags & ~TCS_AEXNOTIFY) == 0 && tcs->cssa == 0 && tcs->aep == 0 &&
           (tcs->fslimit & 0xfff) == 0xfff && (tcs->gslimit & 0xfff) == 0xfff && tcs->ocetssa == 0 &&
           tcs->oprevssp == 0 && bytes_are_zero(tcs->reserved, sizeof(tcs->reserved)) &&
           IS_ALIGNED(tcs->ossa, PAGE_SIZE) && IS_ALIGNED(tcs->ofsbasgx, PAGE_SIZE) &&
           IS_ALIGNED(tcs->ogsbasgx, PAGE_SIZE) && tcs->oentry < g_soft.secs.size &&
           range_within(tcs->ossa, tcs->nssa * g_soft.frame_size, g_soft.secs.size);
}

static int64_t add_tcs(const struct layout_run *run)
{
    const struct sgx_tcs *tcs = (const struct sgx_tcs *)(const void *)run->content;
    if (run->size != PAGE_SIZE || !tcs || !tcs_ok(tcs) || (run->secinfo & (SECINFO_R | SECINFO_W | SECINFO_X)) ||
        g_soft.tcs_count == LAYOUT_MAX_THREADS) {
        host_say("EADD: #GP: bad TCS at 0x%lx", run->address);
        return -EINVAL;
    }
    g_soft.tcs[g_soft.tcs_count++] = (struct soft_tcs){
        .address = run->address, .flags = tcs->flags, .ossa = tcs->ossa, .oentry = tcs->oentry,
        .ofsbasgx = tcs->ofsbasgx, .ogsbasgx = tcs->ogsbasgx, .nssa = tcs->nssa,
    };
    return 0; /* the page stays without access, as on hardware */
}

static int64_t add_regular(const struct layout_run *run)
{
    int prot = (int)(run->secinfo & 7); /* SECINFO's bits are PROT_READ, PROT_WRITE, PROT_EXEC */
    void *p = pointer_to(run->address);
    if (run->content) {
        if (mprotect(p, run->size, PROT_READ | PROT_WRITE))
            return -errno;
        memcpy(p, run->content, run->size);
        if (prot == (PROT_READ | PROT_WRITE))
            return 0;
    }
    return mprotect(p, run->size, prot) ? -errno : 0; /* zero pages are not touched: they stay lazy */
}

static bool run_ok(const struct layout_run *run)
{
    uint64_t type = run->secinfo & SECINFO_TYPE;
    return IS_ALIGNED(run->address | run->size, PAGE_SIZE) && run->address >= LAYOUT_HEAP_START &&
           range_within(run->address, run->size, g_soft.secs.size) && (run->secinfo & ~SECINFO_KNOWN) == 0 &&
           (type == SECINFO_REG || type == SECINFO_TCS) && !((run->secinfo & SECINFO_W) && !(run->secinfo & SECINFO_R));
}

static int64_t soft_add_pages(const struct layout_run *run)
{
    if (!run_ok(run)) {
        host_say("EADD: #GP: bad page or SECINFO: 0x%lx, 0x%lx bytes, flags 0x%lx", run->address, run->size, run->secinfo);
        return -EINVAL;
    }
    if (run->address < g_added_end || (g_soft.secs.attributes.flags & SGX_FLAG_INIT)) {
        host_say("EADD: page 0x%lx was added already, or the enclave is initialised", run->address);
        return -EEXIST;
    }
    int64_t ret = (run->secinfo & SECINFO_TYPE) == SECINFO_TCS ? add_tcs(run) : add_regular(run);
    if (ret)
        return ret;
    for (uint64_t i = 0; i < run->size; i += PAGE_SIZE)
        measure_page(&g_measure, run->address + i, run->secinfo, run->content ? run->content + i : NULL, run->measured);
    g_added_end = run->address + run->size;
    return 0;
}

static const char *explain(enum sgx_error error, const uint8_t *measured, const struct sgx_sigstruct *sig)
{
    static char text[512];
    char is[65], said[65];
    switch (error) {
    case SGX_INVALID_SIG_STRUCT: return "the .sig file is no SIGSTRUCT: header, exponent or reserved bytes are wrong";
    case SGX_INVALID_SIGNATURE: return "the signature in the .sig file is wrong: it was changed after signing";
    case SGX_INVALID_ATTRIBUTE:
        snprintf(text, sizeof(text), "attributes 0x%lx, XFRM 0x%lx, MISCSELECT 0x%x of the enclave are not what the .sig file demands: 0x%lx, 0x%lx, 0x%x",
                 g_soft.secs.attributes.flags, g_soft.secs.attributes.xfrm, g_soft.secs.miscselect,
                 sig->attributes.flags, sig->attributes.xfrm, sig->miscselect);
        return text;
    case SGX_INVALID_MEASUREMENT:
        hex_encode(measured, SGX_HASH_SIZE, is);
        hex_encode(sig->enclavehash, SGX_HASH_SIZE, said);
        snprintf(text, sizeof(text), "the measured MRENCLAVE %s differs from the .sig file's %s: the image, the plan or the manifest changed since signing", is, said);
        return text;
    default: return "EINIT failed";
    }
}

static int64_t soft_init(const uint8_t *sigstruct, const char **why)
{
    const struct sgx_sigstruct *sig = (const struct sgx_sigstruct *)(const void *)sigstruct;
    uint8_t mrenclave[SGX_HASH_SIZE];
    measure_final(&g_measure, mrenclave);
    enum sgx_error error = secs_einit(&g_soft.secs, mrenclave, sig);
    if (error)
        *why = explain(error, mrenclave, sig);
    return (int64_t)error;
}

/* movabs $soft_enclu, %r11; call *%r11; nop; nop; nop */
static void make_call(uint8_t site[SOFT_SITE_SIZE])
{
    static const uint8_t frame[SOFT_SITE_SIZE] = { 0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xff, 0xd3, 0x90, 0x90, 0x90 };
    memcpy(site, frame, sizeof(frame));
    store_le64(site + 2, address_of((const void *)soft_enclu));
}

/* Replace each ENCLU by a call, now that the original bytes are measured. */
static int64_t soft_finish(const struct elf_image *image, const struct layout *l)
{
    static const uint8_t enclu[SOFT_SITE_SIZE] = { 0x0f, 0x01, 0xd7, 0x90, 0x90, 0x90, 0x90, 0x90,
                                                   0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
    struct image_note note;
    if (image_find_note(image, &note))
        return -EINVAL;
    for (uint64_t i = 0; i < note.enclu_count; i++) {
        uint64_t site, page;
        if (image_enclu_site(image, &note, i, &site) || !image_bytes(image, site, SOFT_SITE_SIZE, ELF_PF_X) ||
            memcmp(image_bytes(image, site, SOFT_SITE_SIZE, ELF_PF_X), enclu, SOFT_SITE_SIZE)) {
            host_say("malformed image: entry %lu of its ENCLU table is no ENCLU with 13 NOPs", i);
            return -EINVAL;
        }
        site += l->image;
        page = ALIGN_DOWN(site, PAGE_SIZE);
        uint64_t size = ALIGN_UP(site + SOFT_SITE_SIZE, PAGE_SIZE) - page;
        if (mprotect(pointer_to(page), size, PROT_READ | PROT_WRITE))
            return -errno;
        make_call(pointer_to(site));
        if (mprotect(pointer_to(page), size, PROT_READ | PROT_EXEC))
            return -errno;
    }
    return 0;
}

static int64_t soft_protect(uint64_t address, uint64_t size, int prot)
{
    return sys3(__NR_mprotect, address, size, (uint64_t)prot);
}

const struct device device_soft = {
    .name = "soft",
    .create = soft_create,
    .add_pages = soft_add_pages,
    .init = soft_init,
    .finish = soft_finish,
    .prepare = soft_prepare,
    .enter = soft_enter,
    .interrupted = soft_interrupted,
    .resume = soft_resume,
    .protect = soft_protect,
};
