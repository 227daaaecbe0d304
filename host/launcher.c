/*
 * The launcher: builds the enclave, enters it, serves its calls. Trusted by no one: whatever it does
 * wrong, the enclave's measurement and the gate's checks catch. Read DESIGN §1 and host/README.md first.
 */
#include "host/launcher.h"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/build.h"
#include "host/conduct.h"
#include "host/device.h"
#include "host/direct.h"
#include "host/image.h"
#include "host/options.h"
#include "host/say.h"
#include "host/seccomp.h"
#include "host/soft_device.h"
#include "lib/base/bytes.h"
#include "lib/crypto/crypto.h"

#define HWCAP2_FSGSBASE (1 << 1)

static void check_fsgsbase(void)
{
    if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
        host_fail("this kernel does not let programs use WRFSBASE (FSGSBASE, Linux 5.9 or later, not disabled by nofsgsbase)");
}

static void prepare_soft(const struct options *o)
{
    uint8_t key[32];
    image_read_exactly(o->device_key_fd, "the device key", "it has 32 bytes", key, sizeof(key));
    soft_set_key(key);
    bytes_wipe(key, sizeof(key));
    close(o->device_key_fd);
    if (crypto_init(crypto_features_detect()))
        host_fail("this CPU has no AES instructions");
    if (seccomp_not_needed())
        return;
    g_soft.has_seccomp = true;
    if (seccomp_install())
        host_fail("this kernel can neither dispatch system calls (Linux 5.11) nor filter them: see 'cloister doctor'");
}

/* What we inherited beyond stdin, stdout, stderr is nobody's business here. */
static void close_inherited(const struct options *o)
{
    int keep[2] = { o->plan_fd, o->mode == MODE_SOFT ? o->device_key_fd : o->plan_fd };
    unsigned low = (unsigned)MIN(keep[0], keep[1]), high = (unsigned)MAX(keep[0], keep[1]);
    if (low > 3)
        syscall(SYS_close_range, 3, low - 1, 0);
    if (high > low + 1 && high > 3)
        syscall(SYS_close_range, MAX(low + 1, 3), high - 1, 0);
    syscall(SYS_close_range, MAX(high + 1, 3), ~0u, 0);
}

int launcher_main(int argc, char **argv)
{
    struct options o;
    struct image image;
    struct plan plan;
    umask(0); /* the program has a umask of its own, applied inside */
    int ret = options_parse(argc, argv, &o);
    if (ret)
        return ret < 0 ? 0 : ret;
    conduct_choose(o.lie);
    close_inherited(&o);
    image_open(o.image, &image);
    image_open_plan(o.plan_fd, o.plan_offset, &plan);
    if (o.mode == MODE_DIRECT)
        direct_run(&o, &image, &plan);
    check_fsgsbase();
    if (o.mode == MODE_SOFT)
        prepare_soft(&o);
    g_host.device = o.mode == MODE_SOFT ? &device_soft : &device_hw;
    build_enclave(&o, &image, &plan);
    close(image.fd);
    close(o.plan_fd);
    build_enter(&o, &plan);
}
