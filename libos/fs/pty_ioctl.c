/*
 * Requests to pseudo-terminals, and job control: sessions, foreground groups, hanging up. A session's controlling terminal
 * is the pair that says so (pty.session); the first session may have the launcher's terminal instead (terminal.c).
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/pty.h"
#include "libos/fs/vfs.h"
#include "libos/proc/process.h"
#include "libos/sys/ioctl_arg.h"

#define TTY_CBAUD  0010017u
#define TTY_CSIZE  0000060u
#define TTY_PARENB 0000400u

/* ---- job control */

static bool controls(const struct pty *p, const struct process *self)
{
    return p->session && p->session == self->sid;
}

/* Nobody in the same session could ever bring this group to the foreground. */
static bool is_orphaned(int32_t group, int32_t session)
{
    bool orphaned = true;
    for (int32_t pid = 0; orphaned && (pid = process_next(pid)) != 0;) {
        struct process *p = process_find(pid);
        struct process *parent = p && p->pgid == group ? process_find(p->ppid) : NULL;
        if (parent && parent->sid == session && parent->pgid != group)
            orphaned = false;
        process_put(parent);
        process_put(p);
    }
    return orphaned;
}

int pty_check_job(struct pty *p, int sig)
{
    struct thread *t = current();
    struct process *self = t->process;
    if (!controls(p, self) || !p->foreground || p->foreground == self->pgid)
        return 0;
    mutex_lock(&self->sighand.mu);
    bool refused = (t->sig.mask & SIGBIT(sig)) || self->sighand.actions[sig - 1].handler == LINUX_SIG_IGN;
    mutex_unlock(&self->sighand.mu);
    if (refused)
        return sig == SIGTTIN ? -EIO : 0;
    if (is_orphaned(self->pgid, self->sid))
        return -EIO;
    pty_signal_group(self->pgid, SIGBIT(sig));
    return -ERESTARTSYS;
}

static bool has_terminal(const struct process *self)
{
    bool found = false;
    for (struct pty *p = pty_next(0), *next; p; p = next) {
        next = pty_next(p->index + 1);
        found |= __atomic_load_n(&p->session, __ATOMIC_RELAXED) == self->sid;
        pty_put(p);
    }
    return found;
}

static void take_control(struct pty *p, const struct process *self)
{
    __atomic_store_n(&p->session, self->sid, __ATOMIC_RELAXED);
    p->foreground = self->pgid;
}

/* The first process may have come with a terminal of the launcher's: it takes another only when it asks to. */
void pty_maybe_control(struct pty *p)
{
    struct process *self = current()->process, *parent = process_find(self->ppid);
    if (parent && self->pid == self->sid && !p->session && !has_terminal(self))
        take_control(p, self);
    process_put(parent);
}

static int set_controlling(struct pty *p, uint64_t steal)
{
    struct process *self = current()->process;
    if (self->pid != self->sid)
        return -EPERM;
    if (p->session == self->sid)
        return 0;
    if (has_terminal(self) || (p->session && !(steal == 1 && self->cred.euid == 0)))
        return -EPERM;
    take_control(p, self);
    return 0;
}

/* The session loses its terminal; its foreground group learns of it. */
static void disassociate(struct pty *p, uint64_t signals)
{
    pty_signal_group(p->foreground, signals);
    __atomic_store_n(&p->session, 0, __ATOMIC_RELAXED);
    p->foreground = 0;
}

static int give_up(struct pty *p)
{
    const struct process *self = current()->process;
    if (!controls(p, self))
        return -ENOTTY;
    if (self->pid == self->sid)
        disassociate(p, SIGBIT(SIGHUP) | SIGBIT(SIGCONT));
    return 0;
}

void pty_hang_up(struct pty *p)
{
    struct process *leader = p->session ? process_find(p->session) : NULL;
    __atomic_store_n(&p->master_open, false, __ATOMIC_RELAXED);
    p->hung_up = p->changed = true;
    if (leader) {
        (void)signal_send_process(leader, SIGHUP, NULL);
        (void)signal_send_process(leader, SIGCONT, NULL);
    }
    disassociate(p, leader && leader->pgid == p->foreground ? 0 : SIGBIT(SIGHUP));
    process_put(leader);
}

static bool group_in_session(int32_t group, int32_t session, bool *exists)
{
    bool found = false;
    *exists = false;
    for (int32_t pid = 0; (pid = process_next(pid)) != 0;) {
        struct process *p = process_find(pid);
        *exists |= p && p->pgid == group;
        found |= p && p->pgid == group && p->sid == session;
        process_put(p);
    }
    return found;
}

static int set_foreground(struct pty *p, uint64_t arg)
{
    int32_t group;
    bool exists;
    struct process *self = current()->process;
    int r = pty_check_job(p, SIGTTOU);
    if (r < 0)
        return r;
    if (!controls(p, self))
        return -ENOTTY;
    if (ioctl_get(arg, &group, sizeof(group)) < 0)
        return -EFAULT;
    if (group < 0)
        return -EINVAL;
    if (!group_in_session(group, self->sid, &exists))
        return exists ? -EPERM : -ESRCH;
    p->foreground = group;
    return 0;
}

/* ---- modes */

/* What the bits of c_cflag say: B0 and on, B57600 and on. */
static uint32_t speed_of(uint32_t cflag)
{
    static const uint32_t low[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
    static const uint32_t high[] = { 0,      57600,   115200,  230400,  460800,  500000,  576000,  921600,
                                     1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };
    return cflag & 0010000u ? high[cflag & 017u] : low[cflag & 017u];
}

static int set_modes(struct pty *p, bool master, uint64_t arg, bool wide, bool flush)
{
    struct linux_termios t = p->t;
    int r = master ? 0 : pty_check_job(p, SIGTTOU);
    if (r < 0)
        return r;
    if (ioctl_get(arg, &t, wide ? sizeof(t) : LINUX_TERMIOS_SIZE) < 0)
        return -EFAULT;
    if (!wide || speed_of(t.cflag))
        t.ispeed = t.ospeed = speed_of(t.cflag);
    t.cflag = (t.cflag & ~(TTY_CSIZE | TTY_PARENB)) | TTY_CS8 | TTY_CREAD; /* a line without hardware */
    t.line = 0;
    if (flush)
        line_flush_input(p);
    line_set_termios(p, &t);
    return 0;
}

static int set_size(struct pty *p, uint64_t arg)
{
    struct linux_winsize size;
    if (ioctl_get(arg, &size, sizeof(size)) < 0)
        return -EFAULT;
    if (memcmp(&size, &p->size, sizeof(size)) != 0)
        p->signals |= SIGBIT(SIGWINCH);
    p->size = size;
    return 0;
}

static int flush(struct pty *p, bool master, uint64_t which)
{
    if (which > LINUX_TCIOFLUSH)
        return -EINVAL;
    bool in = which != LINUX_TCOFLUSH, out = which != LINUX_TCIFLUSH;
    if (master ? out : in)
        line_flush_input(p);
    if (master ? in : out)
        line_flush_output(p);
    return 0;
}

/* tcflow of the slave: stop and go; or ask the other side to, by its keys. */
static int flow(struct pty *p, uint64_t what)
{
    int key = what == LINUX_TCIOFF ? TTY_VSTOP : TTY_VSTART;
    switch (what) {
    case LINUX_TCOOFF:
    case LINUX_TCOON: line_stop(p, what == LINUX_TCOOFF); return 0;
    case LINUX_TCIOFF:
    case LINUX_TCION:
        if (p->t.cc[key] && ring_space(&p->output))
            (void)ring_put(&p->output, &p->t.cc[key], 1);
        return 0;
    default: return -EINVAL;
    }
}

/* There is one: N_TTY. */
static int set_discipline(uint64_t arg)
{
    int32_t number;
    if (ioctl_get(arg, &number, sizeof(number)) < 0)
        return -EFAULT;
    return number ? -EINVAL : 0;
}

/* ---- the master's */

static int get_flag(uint64_t arg, bool *out)
{
    int32_t value;
    if (ioctl_get(arg, &value, sizeof(value)) < 0)
        return -EFAULT;
    *out = value != 0;
    return 0;
}

static int set_packet(struct pty *p, uint64_t arg)
{
    bool on;
    int r = get_flag(arg, &on);
    if (r == 0) {
        p->status = on && !p->packet ? 0 : p->status;
        p->packet = on;
    }
    return r;
}

static int send_key_signal(struct pty *p, uint64_t sig)
{
    if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
        return -EINVAL;
    p->signals |= SIGBIT(sig);
    return 0;
}

static int64_t master_ioctl(struct pty *p, uint32_t command, uint64_t arg)
{
    switch (command) {
    case LINUX_TIOCGPTN: return ioctl_put_int(arg, (int)p->index);
    case LINUX_TIOCSPTLCK: return get_flag(arg, &p->locked);
    case LINUX_TIOCGPTLCK: return ioctl_put_int(arg, p->locked);
    case LINUX_TIOCPKT: return set_packet(p, arg);
    case LINUX_TIOCGPKT: return ioctl_put_int(arg, p->packet);
    case LINUX_TIOCSIG: return send_key_signal(p, arg);
    case LINUX_FIONREAD: return ioctl_put_int(arg, (int)p->output.used);
    case LINUX_TIOCGSID: return p->session ? ioctl_put_int(arg, p->session) : -ENOTTY;
    case LINUX_TIOCGPGRP: return ioctl_put_int(arg, p->foreground);
    default: return -ENOTTY;
    }
}

/* Open the other end without going by its name, which may mean something else here. */
static int64_t open_peer(struct pty *p, struct dentry *root, uint64_t flags)
{
    struct dentry *d;
    struct file *f;
    if (flags & ~(uint64_t)(O_ACCMODE | O_NOCTTY | O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    int r = pts_dentry(root, p->index, &d);
    if (r == 0) {
        r = pty_open_end(p, d, (uint32_t)flags, &f);
        dentry_put(d);
    }
    if (r < 0)
        return r;
    r = fd_install(current()->process->fds, f, 0, flags & O_CLOEXEC);
    if (r < 0)
        file_put(f);
    return r;
}

/* ---- the slave's */

static int64_t slave_ioctl(struct pty *p, uint32_t command, uint64_t arg)
{
    const struct process *self = current()->process;
    switch (command) {
    case LINUX_FIONREAD: return ioctl_put_int(arg, (int)line_waiting(p));
    case LINUX_TCXONC: return flow(p, arg);
    case LINUX_TIOCGSID: return controls(p, self) ? ioctl_put_int(arg, p->session) : -ENOTTY;
    case LINUX_TIOCGPGRP: return controls(p, self) ? ioctl_put_int(arg, p->foreground) : -ENOTTY;
    default: return -ENOTTY;
    }
}

/* ---- what both understand: the modes are always the slave's */

static int64_t common_ioctl(struct pty *p, bool master, uint32_t command, uint64_t arg)
{
    switch (command) {
    case LINUX_TCGETS: return ioctl_put(arg, &p->t, LINUX_TERMIOS_SIZE);
    case LINUX_TCGETS2: return ioctl_put(arg, &p->t, sizeof(p->t));
    case LINUX_TCSETS:
    case LINUX_TCSETSW: return set_modes(p, master, arg, false, false);
    case LINUX_TCSETSF: return set_modes(p, master, arg, false, true);
    case LINUX_TCSETS2:
    case LINUX_TCSETSW2: return set_modes(p, master, arg, true, false);
    case LINUX_TCSETSF2: return set_modes(p, master, arg, true, true);
    case LINUX_TCFLSH: return flush(p, master, arg);
    case LINUX_TCSBRK:
    case LINUX_TCSBRKP: return 0; /* nothing is ever on its way, and there is no line to break */
    case LINUX_TIOCOUTQ: return ioctl_put_int(arg, 0);
    case LINUX_TIOCGWINSZ: return ioctl_put(arg, &p->size, sizeof(p->size));
    case LINUX_TIOCSWINSZ: return set_size(p, arg);
    case LINUX_TIOCSPGRP: return set_foreground(p, arg);
    case LINUX_TIOCSCTTY: return set_controlling(p, arg);
    case LINUX_TIOCNOTTY: return give_up(p);
    case LINUX_TIOCEXCL:
    case LINUX_TIOCNXCL: p->exclusive = command == LINUX_TIOCEXCL; return 0;
    case LINUX_TIOCGEXCL: return ioctl_put_int(arg, p->exclusive);
    case LINUX_TIOCGETD: return ioctl_put_int(arg, 0);
    case LINUX_TIOCSETD: return set_discipline(arg);
    default: return master ? master_ioctl(p, command, arg) : slave_ioctl(p, command, arg);
    }
}

int64_t pty_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    bool master;
    struct pty *p = pty_of(f, &master);
    if (master && command == LINUX_TIOCGPTPEER)
        return open_peer(p, f->dentry->inode->mount->root, arg);
    mutex_lock(&p->mu);
    int64_t r = p->hung_up ? (command == LINUX_TIOCSPGRP ? -ENOTTY : -EIO) : common_ioctl(p, master, command, arg);
    p->changed = true;
    pty_unlock(p);
    return r;
}
