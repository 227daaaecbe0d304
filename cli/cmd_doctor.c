/*
 * cloister doctor: what this machine can do, and what to do about what it cannot. Only looks;
 * changes nothing. One function a check; the table at the end says for which modes each is needed.
 */
#include <cpuid.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attest/collateral/qcnl.h"
#include "attest/soft/dcap_ql.h"
#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/aesm/aesm.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define HWCAP2_FSGSBASE (1 << 1)

enum {
    NEED_DIRECT = 1,
    NEED_SOFT = 2,
    NEED_SGX = 4,
    NEED_ALL = 7,
    NEED_NONE = 0,
    NEED_QUOTES = 8 /* one of these for quotes of the hardware */
};

struct finding {
    bool ok;
    char value[256];
};

/* SGX features: leaf 12h exists only where leaf 7 says SGX. */
struct sgx_cpu {
    bool sgx, flc, sgx1, sgx2, exinfo, edeccssa, kss, aexnotify;
    unsigned size_exponent;
    uint64_t epc;
};

static struct sgx_cpu sgx_cpu_read(void)
{
    struct sgx_cpu s = { 0 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return s;
    s.sgx = b >> 2 & 1;
    s.flc = c >> 30 & 1;
    if (!s.sgx || !__get_cpuid_count(0x12, 0, &a, &b, &c, &d))
        return s;
    s.sgx1 = a & 1;
    s.sgx2 = a >> 1 & 1;
    s.edeccssa = a >> 11 & 1;
    s.exinfo = b & 1;
    s.size_exponent = d >> 8 & 0xff;
    __get_cpuid_count(0x12, 1, &a, &b, &c, &d);
    s.kss = a >> 7 & 1;
    s.aexnotify = a >> 10 & 1;
    for (unsigned i = 2; __get_cpuid_count(0x12, i, &a, &b, &c, &d) && (a & 15) == 1; i++)
        s.epc += (c & 0xfffff000) + ((uint64_t)(d & 0xfffff) << 32);
    return s;
}

static void check_kernel(struct finding *f)
{
    struct utsname u;
    int major = 0, minor = 0;
    uname(&u);
    sscanf(u.release, "%d.%d", &major, &minor);
    f->ok = major > 5 || (major == 5 && minor >= 11);
    snprintf(f->value, sizeof(f->value), "%.200s", u.release);
}

static void check_fsgsbase(struct finding *f)
{
    f->ok = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
    snprintf(f->value, sizeof(f->value), "%s", f->ok ? "enabled" : "not enabled");
}

static void check_syscall_catching(struct finding *f)
{
    bool dispatch = prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0) == 0;
    bool seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    f->ok = dispatch || seccomp;
    snprintf(f->value, sizeof(f->value), "%s",
             dispatch  ? "Syscall User Dispatch"
             : seccomp ? "seccomp filter (slower)"
                       : "neither Syscall User Dispatch nor seccomp");
}

static bool read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(out, (int)size, f);
    if (f)
        fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = 0;
    else
        snprintf(out, size, "unknown");
    return ok;
}

static void check_mmap_min_addr(struct finding *f)
{
    f->ok = !read_line("/proc/sys/vm/mmap_min_addr", f->value, sizeof(f->value)) ||
            strtoul(f->value, NULL, 10) <= 65536;
}

static void check_aes(struct finding *f)
{
    unsigned a, b, c, d;
    f->ok = __get_cpuid(1, &a, &b, &c, &d) && (c >> 25 & 1) && (c >> 1 & 1) && (c >> 30 & 1) &&
            (c >> 26 & 1);
    snprintf(f->value, sizeof(f->value), "%s",
             f->ok ? "AES-NI, PCLMULQDQ, RDRAND, XSAVE"
                   : "one of AES-NI, PCLMULQDQ, RDRAND, XSAVE is missing");
}

static void check_sgx_cpu(struct finding *f)
{
    struct sgx_cpu s = sgx_cpu_read();
    f->ok = s.sgx && s.sgx1;
    if (!s.sgx)
        snprintf(f->value, sizeof(f->value), "this CPU has none, or the hypervisor hides it");
    else
        snprintf(f->value, sizeof(f->value), "%s%s%s%s%s%s, enclaves to 2^%u bytes, EPC %lu MiB",
                 s.sgx1 ? "SGX1" : "disabled", s.sgx2 ? " SGX2" : "", s.exinfo ? " EXINFO" : "",
                 s.kss ? " KSS" : "", s.edeccssa ? " EDECCSSA" : "",
                 s.aexnotify ? " AEX-Notify" : "", s.size_exponent, (unsigned long)(s.epc >> 20));
}

static void check_flc(struct finding *f)
{
    struct sgx_cpu s = sgx_cpu_read();
    f->ok = s.flc;
    snprintf(f->value, sizeof(f->value), "%s", s.flc ? "available" : "not available");
}

static void check_device(struct finding *f, const char *path)
{
    f->ok = access(path, R_OK | W_OK) == 0;
    snprintf(f->value, sizeof(f->value), "%s", f->ok ? "readable and writable" : strerror(errno));
}

static void check_enclave_device(struct finding *f)
{
    check_device(f, "/dev/sgx_enclave");
}

static void check_provision_device(struct finding *f)
{
    check_device(f, "/dev/sgx_provision");
}

static void check_aesm(struct finding *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = AESM_SOCKET_PATH };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    f->ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    snprintf(f->value, sizeof(f->value), "%s: %s", AESM_SOCKET_PATH,
             f->ok ? "answers" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void check_dcap_ql(struct finding *f)
{
    f->ok = dcap_ql_probe(NULL, f->value, sizeof(f->value)) == 0;
    if (f->ok)
        snprintf(f->value, sizeof(f->value), "%s can be loaded", DCAP_QL_LIBRARY);
}

/* Intel's libraries and ours read it: where certificates and collateral come from. */
static void check_qcnl(struct finding *f)
{
    struct qcnl q;
    struct problem why = { "" };
    const char *path = getenv("QCNL_CONF_PATH");
    f->ok = access(path ? path : QCNL_FILE, F_OK) == 0 && qcnl_load(NULL, &q, &why) == 0;
    if (f->ok)
        snprintf(f->value, sizeof(f->value), "%.120s, collateral of %.100s",
                 path ? path : QCNL_FILE, qcnl_service(&q));
    else
        snprintf(f->value, sizeof(f->value), "%.250s", why.text[0] ? why.text : "no " QCNL_FILE);
}

static void check_hugepages(struct finding *f)
{
    f->ok = read_line("/sys/kernel/mm/transparent_hugepage/enabled", f->value, sizeof(f->value)) &&
            !strstr(f->value, "[never]");
}

static void check_part(struct finding *f, enum path_part part)
{
    char path[PATH_MAX];
    f->ok = paths_find(part, NULL, path, sizeof(path)) == 0;
    snprintf(f->value, sizeof(f->value), "%.250s", path);
}

static void check_image(struct finding *f)
{
    check_part(f, PATH_IMAGE);
}

static void check_launcher(struct finding *f)
{
    check_part(f, PATH_HOST);
}

static const struct check {
    const char *key, *name;
    unsigned needed; /* for these modes */
    void (*run)(struct finding *f);
    const char *remedy;
} g_checks[] = {
    { "image", "enclave image", NEED_ALL, check_image, "install Cloister, or set CLOISTER_IMAGE" },
    { "launcher", "launcher", NEED_ALL, check_launcher, "install Cloister, or set CLOISTER_HOST" },
    { "kernel", "Linux 5.11 or later", NEED_SGX, check_kernel,
      "update the kernel: 5.11 brought the SGX driver" },
    { "cpu", "CPU instructions", NEED_ALL, check_aes,
      "run on a CPU (or with a virtual CPU model) that has them" },
    { "fsgsbase", "FSGSBASE", NEED_ALL, check_fsgsbase,
      "update to Linux 5.9 or later, and remove nofsgsbase from the kernel's command line" },
    { "syscalls", "catching system calls", NEED_DIRECT | NEED_SOFT, check_syscall_catching,
      "update to Linux 5.11 or later, or allow seccomp in this container" },
    { "mmap_min_addr", "vm.mmap_min_addr at most 65536", NEED_SOFT | NEED_SGX, check_mmap_min_addr,
      "sysctl vm.mmap_min_addr=65536" },
    { "sgx", "SGX in the CPU", NEED_SGX, check_sgx_cpu,
      "enable SGX in the firmware, or take a machine that has it; until then: --mode soft" },
    { "flc", "Flexible Launch Control", NEED_SGX, check_flc,
      "enable SGX Launch Control ('unlocked') in the firmware" },
    { "sgx_enclave", "/dev/sgx_enclave", NEED_SGX, check_enclave_device,
      "load the kernel's SGX driver; for permission: join the group that owns the device (often "
      "sgx)" },
    { "sgx_provision", "/dev/sgx_provision", NEED_NONE, check_provision_device,
      "needed by the quoting service only: add its user to the group sgx_prv" },
    { "aesm", "quoting service (AESM)", NEED_QUOTES, check_aesm,
      "for remote attestation in sgx: install and start aesmd (packages sgx-aesm-service, "
      "libsgx-aesm-quote-ex-plugin); or dcap_ql below" },
    { "dcap_ql", "quoting library (DCAP)", NEED_QUOTES, check_dcap_ql,
      "for remote attestation in sgx without aesmd: install libsgx-dcap-ql, and give the user the "
      "group sgx_prv" },
    { "qcnl", "settings of certificates", NEED_NONE, check_qcnl,
      "for remote attestation in sgx: install libsgx-dcap-default-qpl, and name your PCCS "
      "in " QCNL_FILE },
    { "hugepages", "transparent huge pages", NEED_NONE, check_hugepages,
      "faster start of large enclaves in soft and direct: echo madvise > "
      "/sys/kernel/mm/transparent_hugepage/enabled" },
};

#define CHECK_COUNT (sizeof(g_checks) / sizeof(g_checks[0]))

static const char *const g_modes[3] = { "direct", "soft", "sgx" };

/* Quotes of the hardware need all that sgx needs, and one of the two ways to its quoting enclave.
 */
static bool can_attest(const struct finding *findings, unsigned missing)
{
    bool quotes = false;
    for (size_t i = 0; i < CHECK_COUNT; i++)
        quotes |= findings[i].ok && g_checks[i].needed & NEED_QUOTES;
    return quotes && !(missing & NEED_SGX);
}

static int print_json(const struct finding *findings, unsigned missing)
{
    json_t *root = json_object(), *checks = json_array(), *modes = json_object();
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        json_t *c = json_pack("{s:s, s:s, s:b, s:s}", "key", g_checks[i].key, "name",
                              g_checks[i].name, "ok", findings[i].ok, "value", findings[i].value);
        if (!findings[i].ok)
            json_object_set_new(c, "remedy", json_string(g_checks[i].remedy));
        json_array_append_new(checks, c);
    }
    for (unsigned m = 0; m < 3; m++)
        json_object_set_new(modes, g_modes[m], json_boolean(!(missing >> m & 1)));
    json_object_set_new(root, "checks", checks);
    json_object_set_new(root, "modes", modes);
    json_object_set_new(root, "hardware_attestation", json_boolean(can_attest(findings, missing)));
    return term_print_json(root);
}

static void print_text(const struct finding *findings, unsigned missing)
{
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *c = &g_checks[i];
        printf("%-4s %-32s %s\n",
               findings[i].ok         ? "ok"
               : c->needed & NEED_ALL ? "no"
                                      : "-",
               c->name, findings[i].value);
        if (!findings[i].ok)
            printf("       to fix: %s\n", c->remedy);
    }
    putchar('\n');
    for (unsigned m = 0; m < 3; m++)
        printf("mode %-7s %s\n", g_modes[m], missing >> m & 1 ? "cannot run here" : "can run here");
    printf("quotes of the hardware (remote attestation in sgx): %s\n",
           can_attest(findings, missing) ? "can be made here"
           : missing & NEED_SGX          ? "cannot be made here: sgx cannot run"
                                : "cannot be made here: neither AESM nor the DCAP library");
    puts("\nOnly mode sgx protects anything.");
}

int cmd_doctor(int argc, char **argv)
{
    static const struct option options[] = { { "json", no_argument, NULL, 'j' },
                                             { "help", no_argument, NULL, 'h' },
                                             { 0 } };
    struct finding findings[CHECK_COUNT] = { 0 };
    unsigned missing = 0;
    int c, json = 0, ret = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            printf("Usage: %s [--json]\nSay what this machine can run, and what to do about what "
                   "it cannot.\n\n"
                   "Exit status: 0 mode soft can run; 1 it cannot; 2 wrong command line.\n",
                   term_command());
            return EXIT_OK;
        }
        if (c != 'j')
            return term_usage("unknown option: %s", argv[optind - 1]);
        json = 1;
    }
    if (optind < argc)
        return term_usage("unexpected argument: %s", argv[optind]);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        g_checks[i].run(&findings[i]);
        if (!findings[i].ok)
            missing |= g_checks[i].needed;
    }
    if (json)
        ret = print_json(findings, missing);
    else
        print_text(findings, missing);
    return ret ? ret : missing & NEED_SOFT ? EXIT_FAILED : EXIT_OK;
}
