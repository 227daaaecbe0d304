/*
 * From a path to registers: scripts, ELF, program interpreter, stack. Everything read from files is
 * untrusted and checked by lib/elf and script.c. Start reading at exec_prepare(), then exec_commit().
 */
#include "libos/exec/exec.h"

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/auxv.h"
#include "lib/linux/errno.h"
#include "lib/linux/mman.h"
#include "libos/exec/hwcap.h"
#include "libos/exec/script.h"
#include "libos/exec/stack.h"
#include "libos/fs/file.h"
#include "libos/fs/vfs.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/signal/fpu.h"

#define STACK_GUARD UINT64_C(0x10000)
#define PIE_BASE    UINT64_C(0x555555554000) /* where Linux puts position-independent programs */

/* ---- first half */

/* One level of "#!": argv becomes interpreter [argument] script argv[1..]. */
static int expand_script(struct exec *e, const struct script *s, const char *script_path)
{
    const char *front[3];
    uint32_t count = 0;
    front[count++] = s->interpreter;
    if (s->has_argument)
        front[count++] = s->argument;
    front[count++] = script_path;
    return words_replace_front(&e->argv, 1, front, count);
}

static int open_program(struct fs_view *fs, struct exec *e)
{
    struct script *s = mem_alloc(2 * sizeof(*s)); /* the one being read, and the one whose name we follow */
    if (!s)
        return -ENOMEM;
    const char *path = e->path;
    int err;
    for (int depth = 0;; depth++) {
        struct script *now = &s[depth & 1];
        err = load_open(fs, path, &e->program);
        if (err || script_parse((const char *)e->program->head, e->program->head_size, now))
            break;
        err = depth > EXEC_SCRIPT_DEPTH ? -ELOOP : expand_script(e, now, path);
        if (err)
            break;
        load_close(e->program);
        e->program = NULL;
        path = now->interpreter;
    }
    mem_free(s);
    return err;
}

int exec_prepare(struct fs_view *fs, struct exec *e)
{
    int err = open_program(fs, e);
    if (!err)
        err = load_parse(e->program);
    if (err || !e->program->interpreter[0])
        return err;
    err = load_open(fs, e->program->interpreter, &e->interpreter);
    if (!err) {
        err = load_parse(e->interpreter);
        if (err == -ENOEXEC)
            err = -ELIBBAD;
    }
    return err;
}

void exec_free(struct exec *e)
{
    words_free(&e->argv);
    words_free(&e->envp);
    load_close(e->program);
    load_close(e->interpreter);
    e->program = e->interpreter = NULL;
}

/* ---- second half */

static uint64_t random_pages(uint64_t pages)
{
    uint64_t r = 0;
    if (pages == 0 || g_machine.plan.h->flags & PLAN_DISABLE_ASLR || machine_random(&r, sizeof(r)))
        return 0;
    return r % pages * PAGE_SIZE;
}

/* Low in the range: brk and mappings keep the large free rest. An enclave is small, so it moves less. */
static uint64_t program_hint(void)
{
    uint64_t low = g_machine.range_low, size = g_machine.range_high - low;
    if (low <= PIE_BASE && size > UINT64_C(1) << 44)
        return PIE_BASE + random_pages(UINT64_C(1) << 28);
    return ALIGN_UP(low, PAGE_SIZE) + random_pages(size / 16 / PAGE_SIZE);
}

static void fill_auxv(const struct process *p, const struct exec *e, const struct load_place *program,
                      const struct load_place *interp, struct stack_input *in)
{
    const uint64_t pairs[][2] = {
        { LINUX_AT_SYSINFO_EHDR, p->vdso },
        { LINUX_AT_HWCAP, hwcap() },
        { LINUX_AT_PAGESZ, PAGE_SIZE },
        { LINUX_AT_CLKTCK, 100 },
        { LINUX_AT_PHDR, program->phdr },
        { LINUX_AT_PHENT, 56 },
        { LINUX_AT_PHNUM, e->program->elf.count },
        { LINUX_AT_BASE, e->interpreter ? interp->bias : 0 },
        { LINUX_AT_FLAGS, 0 },
        { LINUX_AT_ENTRY, program->entry },
        { LINUX_AT_UID, p->cred.uid },
        { LINUX_AT_EUID, p->cred.euid },
        { LINUX_AT_GID, p->cred.gid },
        { LINUX_AT_EGID, p->cred.egid },
        { LINUX_AT_SECURE, 0 },
        { LINUX_AT_HWCAP2, hwcap2() },
        { LINUX_AT_MINSIGSTKSZ, fpu_frame_stack_min() },
    };
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        if (pairs[i][0] == LINUX_AT_SYSINFO_EHDR && !pairs[i][1])
            continue;
        in->auxv[in->auxv_count++] = pairs[i][0];
        in->auxv[in->auxv_count++] = pairs[i][1];
    }
}

static int make_stack(struct process *p, const struct exec *e, struct stack_input *in, uint64_t *sp)
{
    uint64_t image = stack_size(in);
    uint64_t limit = MIN(p->limits[LINUX_RLIMIT_STACK].soft, UINT64_C(64) << 20);
    uint64_t size = ALIGN_UP(limit, PAGE_SIZE) + ALIGN_UP(image, PAGE_SIZE);
    uint32_t prot = PROT_READ | PROT_WRITE | (e->program->exec_stack ? PROT_EXEC : 0);
    uint32_t flags = MAP_PRIVATE | MAP_ANONYMOUS;
    int64_t at = mm_map(p->mm, 0, size + STACK_GUARD, PROT_NONE, flags | MAP_NORESERVE, NULL, 0);
    if (at < 0)
        return (int)at;
    uint64_t low = (uint64_t)at + STACK_GUARD, top = low + size;
    at = mm_map(p->mm, low, size, prot, flags | MAP_FIXED | MAP_STACK, NULL, 0);
    if (at < 0)
        return (int)at;
    mm_set_comment(p->mm, low, "[stack]");
    uint8_t *buf = mem_alloc(image);
    if (!buf)
        return -ENOMEM;
    *sp = stack_build(in, top, buf, image);
    int err = user_write(*sp, buf, image);
    mem_free(buf);
    p->stack_low = low;
    p->stack_high = top;
    return err;
}

/* Hand the words over to the process, for /proc/self/{cmdline,environ}. */
static void keep_words(struct process *p, struct exec *e, const struct stack_input *in)
{
    mem_free(p->argv_block);
    mem_free(p->env_block);
    p->argv_block = e->argv.block;
    p->argv_size = e->argv.size;
    p->env_block = e->envp.block;
    p->env_size = e->envp.size;
    words_init(&e->argv);
    words_init(&e->envp);
    p->auxv_count = MIN(in->auxv_count, (uint32_t)ARRAY_COUNT(p->auxv));
    memcpy(p->auxv, in->auxv, p->auxv_count * sizeof(p->auxv[0]));
    dentry_put(p->exe);
    p->exe = e->program->file->dentry ? dentry_get(e->program->file->dentry) : NULL;
}

static void set_name(struct thread *t, const char *path)
{
    const char *base = path;
    for (const char *c = path; *c; c++)
        if (*c == '/')
            base = c + 1;
    size_t length = str_length(base, sizeof(t->name) - 1);
    memset(t->name, 0, sizeof(t->name));
    memcpy(t->name, base, length);
}

int exec_commit(struct process *p, struct exec *e, struct cpu_regs *regs)
{
    struct load_place program, interp = { 0 };
    int err = load_map(p->mm, e->program, program_hint(), &program);
    if (!err && e->interpreter)
        err = load_map(p->mm, e->interpreter, 0, &interp);
    if (err)
        return err;
    mm_set_brk(p->mm, program.high + (e->program->elf.type == ELF_ET_DYN ? random_pages(64) : 0));

    struct stack_input *in = mem_zalloc(sizeof(*in));
    if (!in)
        return -ENOMEM;
    in->argv = &e->argv;
    in->envp = &e->envp;
    in->execfn = e->path;
    uint64_t sp = 0;
    err = machine_random(in->random, sizeof(in->random));
    if (!err) {
        fill_auxv(p, e, &program, &interp, in);
        err = make_stack(p, e, in, &sp);
    }
    if (!err) {
        set_name(current(), e->path);
        keep_words(p, e, in);
        *regs = (struct cpu_regs){ .orig_rax = UINT64_MAX, .rflags = 0x202, .rsp = sp, .full = 1 };
        regs->rip = e->interpreter ? interp.entry : program.entry;
    }
    bytes_wipe(in, sizeof(*in));
    mem_free(in);
    return err;
}
