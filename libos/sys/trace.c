/* Shows system calls. Reads the program's strings with the same care as the handlers do. */
#include "libos/sys/trace.h"

#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/sys/dispatch.h"

#define STRING_MOST 96

enum { NR_EXIT = 60, NR_EXIT_GROUP = 231, NR_EXECVE = 59, NR_RT_SIGRETURN = 15 };

static size_t show_string(char *out, size_t room, uint64_t address)
{
    char text[STRING_MOST + 1];
    int64_t n = user_string(text, address, sizeof(text));
    if (n == -ENAMETOOLONG)
        text[STRING_MOST] = 0;
    else if (n < 0)
        return fmt_print(out, room, "%#lx", address);
    return fmt_print(out, room, "\"%s\"%s", text, n < 0 ? "..." : "");
}

static size_t show(char *out, size_t room, unsigned kind, uint64_t v)
{
    switch (kind) {
    case SHOW_dirfd:
        if ((int)v == -100)
            return fmt_print(out, room, "AT_FDCWD");
        return fmt_print(out, room, "%d", (int)v);
    case SHOW_path:
    case SHOW_str: return show_string(out, room, v);
    case SHOW_fd:
    case SHOW_int:
    case SHOW_sig:
    case SHOW_pid:
    case SHOW_clock: return fmt_print(out, room, "%d", (int)v);
    case SHOW_uint:
    case SHOW_uid: return fmt_print(out, room, "%u", (unsigned)v);
    case SHOW_len:
    case SHOW_ulong: return fmt_print(out, room, "%lu", v);
    case SHOW_off:
    case SHOW_long: return fmt_print(out, room, "%ld", (int64_t)v);
    case SHOW_mode: return fmt_print(out, room, "0%o", (unsigned)v);
    default: return v ? fmt_print(out, room, "%#lx", v) : fmt_print(out, room, "NULL");
    }
}

static size_t show_call(char *line, size_t room, const struct cpu_regs *r)
{
    const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
    uint64_t nr = r->orig_rax;

    if (nr >= SYSCALL_MAX || !syscall_table[nr].call)
        return fmt_print(line, room, "[%d] syscall_%lu(%#lx, %#lx, %#lx", current()->tid, nr, args[0], args[1], args[2]);
    const struct syscall *s = &syscall_table[nr];
    size_t n = fmt_print(line, room, "[%d] %s(", current()->tid, s->name);
    for (unsigned i = 0; i < 6 && s->show[i] && n < room; i++) {
        if (i)
            n += fmt_print(line + n, room - n, ", ");
        if (n < room)
            n += show(line + n, room - n, s->show[i], args[i]);
    }
    return MIN(n, room - 1);
}

void trace_enter(const struct cpu_regs *r)
{
    char line[768];
    uint64_t nr = r->orig_rax;

    if (nr != NR_EXIT && nr != NR_EXIT_GROUP && nr != NR_EXECVE && nr != NR_RT_SIGRETURN)
        return;
    show_call(line, sizeof(line), r);
    log_always("%s) ...", line);
}

void trace_leave(const struct cpu_regs *r, int64_t result)
{
    char line[768];

    show_call(line, sizeof(line), r);
    if (result < -4095 || result >= 0)
        log_always("%s) = %s%lx", line, result > 9 || result < 0 ? "0x" : "", (uint64_t)result);
    else
        log_always("%s) = -1 errno %ld", line, -result);
}
