/*
 * From image, plan and signature to a running enclave, on either device. Start-up only; may use libc up
 * to the first entry. All that goes wrong here is told in one line.
 */
#include "host/build.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/debugger.h"
#include "host/say.h"
#include "host/serve.h"
#include "host/signals.h"
#include "host/start_info.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/image.h"

static struct layout g_layout; /* of the one enclave */

static uint64_t xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* What the signer demands, and each CPU feature that he leaves open and this machine has. */
static uint64_t choose_xfrm(const struct sgx_sigstruct *sig)
{
    static const uint64_t features[] = { SGX_XFRM_AVX, SGX_XFRM_AVX512, SGX_XFRM_AMX };
    uint64_t xfrm = sig->attributes.xfrm, have = xcr0();
    for (size_t i = 0; i < ARRAY_COUNT(features); i++)
        if ((features[i] & sig->attribute_mask.xfrm) == 0 && (features[i] & have) == features[i])
            xfrm |= features[i];
    return xfrm;
}

static void read_sigstruct(const char *path, struct sgx_sigstruct *sig)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        host_fail("cannot open the signature: %s: %s", path, host_error_name(errno));
    image_read_exactly(fd, path, "a .sig file has 1808 bytes", sig, sizeof(*sig));
    close(fd);
}

static void compute_layout(const struct image *image, const struct plan *plan)
{
    struct image_note note;
    uint64_t need = 0;
    if (image_find_note(&image->elf, &note))
        host_fail("not an image of Cloister: %s: it has no note that tells its enclave entry", image->path);
    int ret = layout_compute(&image->elf, note.enclave_entry, plan, &g_layout, &need);
    if (ret == -ENOSPC)
        host_fail("sgx.enclave_size is too small: 0x%lx: at least 0x%lx is needed", plan->h->enclave_size, need);
    if (ret)
        host_fail("cannot lay out the enclave: malformed image or plan: %s", image->path);
}

static void create(const struct sgx_sigstruct *sig)
{
    static struct sgx_secs secs;
    secs.size = g_layout.size;
    secs.ssa_frame_size = LAYOUT_SSA_PAGES;
    secs.miscselect = sig->miscselect;
    secs.attributes.flags = sig->attributes.flags;
    secs.attributes.xfrm = choose_xfrm(sig);
    int64_t ret = g_host.device->create((const uint8_t *)&secs);
    if (ret)
        host_fail("cannot create the enclave: %s", host_error_name(ret));
}

/* Threads are numbered in the order of EADD of their TCSs. */
static uint32_t g_tcs_count;

static int add_run(void *arg, const struct layout_run *run)
{
    if ((run->secinfo & SECINFO_TYPE) == SECINFO_TCS && g_tcs_count < LAYOUT_MAX_THREADS)
        g_host.tcs[g_tcs_count++] = run->address;
    return (int)g_host.device->add_pages(run);
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void build_enclave(const struct options *o, const struct image *image, const struct plan *plan)
{
    static struct sgx_sigstruct sig;
    static uint8_t scratch[LAYOUT_SCRATCH] __attribute__((aligned(4096)));
    const char *why = "";
    uint64_t since = now_ns();
    read_sigstruct(o->sig, &sig);
    compute_layout(image, plan);
    create(&sig);
    int64_t ret = layout_for_each(&g_layout, &image->elf, plan, scratch, add_run, NULL);
    if (ret)
        host_fail("cannot add pages to the enclave: %s", host_error_name(ret));
    ret = g_host.device->init((const uint8_t *)&sig, &why);
    if (ret)
        host_fail("cannot initialise the enclave: EINIT error %ld: %s", (long)ret, why);
    if (g_host.device->finish && g_host.device->finish(&image->elf, &g_layout))
        host_fail("cannot prepare the image: %s", image->path);
    g_host.load_ns = now_ns() - since;
    debugger_image_loaded(image->path, g_layout.image);
}

static uint64_t vdso_address(void)
{
    return getauxval(AT_SYSINFO_EHDR);
}

static void make_threads(void)
{
    void *p = mmap(NULL, g_tcs_count * STAGING_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        host_fail("out of memory for staging areas");
    g_host.staging = address_of(p);
    if (thread_new(0)) /* the others when they start */
        host_fail("out of memory for the first thread");
}

_Noreturn void build_enter(const struct options *o, const struct plan *plan)
{
    static struct start start;
    g_host.thread_count = g_tcs_count;
    g_host.enclave_size = g_layout.size;
    g_host.stats = o->stats;
    g_host.aesm_path = o->aesm;
    g_host.host_signals = plan->h->host_signals;
    make_threads();
    start_info_fill(o, plan, g_tcs_count, &start);
    start.staging = g_host.staging;
    g_host.start = address_of(&start);

    struct host_thread *t = g_host.threads[0];
    t->tid = (uint32_t)syscall(SYS_set_tid_address, &t->tid);
    signals_install(vdso_address());
    thread_prepare(t); /* from here on no libc */
    serve_thread(t, ENTER_START, g_host.start);
}
