/* User and group calls, capabilities. The rules are in libos/proc/cred.c. */
#include "libos/proc/cred.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

#define CAP_VERSION_1 0x19980330u
#define CAP_VERSION_2 0x20071026u
#define CAP_VERSION_3 0x20080522u

static struct process *lock(void)
{
    struct process *p = current()->process;
    mutex_lock(&p->mu);
    return p;
}

static int64_t unlock(struct process *p, int64_t result)
{
    mutex_unlock(&p->mu);
    return result;
}

int64_t sys_getuid(void)
{
    return current()->process->cred.uid;
}

int64_t sys_geteuid(void)
{
    return current()->process->cred.euid;
}

int64_t sys_getgid(void)
{
    return current()->process->cred.gid;
}

int64_t sys_getegid(void)
{
    return current()->process->cred.egid;
}

int64_t sys_setuid(unsigned uid)
{
    struct process *p = lock();
    return unlock(p, cred_set_uid(&p->cred, uid, p->keep_caps));
}

int64_t sys_setgid(unsigned gid)
{
    struct process *p = lock();
    return unlock(p, cred_set_gid(&p->cred, gid));
}

int64_t sys_setreuid(unsigned ruid, unsigned euid)
{
    struct process *p = lock();
    return unlock(p, cred_set_reuid(&p->cred, ruid, euid, p->keep_caps));
}

int64_t sys_setregid(unsigned rgid, unsigned egid)
{
    struct process *p = lock();
    return unlock(p, cred_set_regid(&p->cred, rgid, egid));
}

int64_t sys_setresuid(unsigned ruid, unsigned euid, unsigned suid)
{
    struct process *p = lock();
    return unlock(p, cred_set_resuid(&p->cred, ruid, euid, suid, p->keep_caps));
}

int64_t sys_setresgid(unsigned rgid, unsigned egid, unsigned sgid)
{
    struct process *p = lock();
    return unlock(p, cred_set_resgid(&p->cred, rgid, egid, sgid));
}

int64_t sys_setfsuid(unsigned uid)
{
    struct process *p = lock();
    return unlock(p, cred_set_fsuid(&p->cred, uid));
}

int64_t sys_setfsgid(unsigned gid)
{
    struct process *p = lock();
    return unlock(p, cred_set_fsgid(&p->cred, gid));
}

static int64_t write_three(const uint32_t v[3], uaddr_t a, uaddr_t b, uaddr_t c)
{
    if (user_write(a, &v[0], 4) || user_write(b, &v[1], 4) || user_write(c, &v[2], 4))
        return -EFAULT;
    return 0;
}

int64_t sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
    const struct cred *c = &current()->process->cred;
    return write_three((const uint32_t[3]){ c->uid, c->euid, c->suid }, ruid, euid, suid);
}

int64_t sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
    const struct cred *c = &current()->process->cred;
    return write_three((const uint32_t[3]){ c->gid, c->egid, c->sgid }, rgid, egid, sgid);
}

int64_t sys_getgroups(int size, uaddr_t list)
{
    struct process *p = lock();
    uint32_t count = p->cred.group_count, groups[ARRAY_COUNT(p->cred.groups)];
    memcpy(groups, p->cred.groups, sizeof(groups));
    mutex_unlock(&p->mu);
    if (size < 0 || (size && (uint32_t)size < count))
        return -EINVAL;
    if (size && user_write(list, groups, count * sizeof(groups[0])))
        return -EFAULT;
    return count;
}

int64_t sys_setgroups(int size, uaddr_t list)
{
    uint32_t groups[ARRAY_COUNT(current()->process->cred.groups)];
    if (!cred_can(&current()->process->cred, CAP_SETGID))
        return -EPERM;
    if (size < 0 || (uint32_t)size > ARRAY_COUNT(groups))
        return -EINVAL;
    if (user_read(groups, list, (uint32_t)size * sizeof(groups[0])))
        return -EFAULT;
    struct process *p = lock();
    memcpy(p->cred.groups, groups, (uint32_t)size * sizeof(groups[0]));
    p->cred.group_count = (uint32_t)size;
    return unlock(p, 0);
}

/* ---- capabilities: remembered and answered, with no effect beyond the set*id calls */

/* How many 32-bit triples the header's version takes; an unknown version is answered with ours. */
static int read_cap_header(uaddr_t header, int32_t *pid)
{
    uint32_t h[2];
    const uint32_t ours = CAP_VERSION_3;
    if (user_read(h, header, sizeof(h)))
        return -EFAULT;
    *pid = (int32_t)h[1];
    if (h[0] == CAP_VERSION_1)
        return 1;
    if (h[0] == CAP_VERSION_2 || h[0] == CAP_VERSION_3)
        return 2;
    return user_write(header, &ours, sizeof(ours)) ? -EFAULT : -EINVAL;
}

int64_t sys_capget(uaddr_t header, uaddr_t data)
{
    int32_t pid;
    int n = read_cap_header(header, &pid);
    if (n < 0)
        return n == -EINVAL && !data ? 0 : n;
    if (pid < 0)
        return -EINVAL;
    struct thread *t = pid ? thread_find(0, pid) : NULL;
    if (pid && !t)
        return -ESRCH;
    const struct cred *c = pid ? &t->process->cred : &current()->process->cred;
    const uint64_t sets[3] = { c->cap_effective, c->cap_permitted, c->cap_inheritable };
    thread_put(t);
    uint32_t out[6];
    for (int i = 0; i < 3; i++) {
        out[i] = (uint32_t)sets[i];
        out[3 + i] = (uint32_t)(sets[i] >> 32);
    }
    return data ? user_write(data, out, (size_t)n * 12) : 0;
}

int64_t sys_capset(uaddr_t header, uaddr_t data)
{
    int32_t pid;
    uint32_t in[6] = { 0 };
    int n = read_cap_header(header, &pid);
    if (n < 0)
        return n;
    if (pid && pid != current()->tid && pid != current()->process->pid)
        return -EPERM;
    if (user_read(in, data, (size_t)n * 12))
        return -EFAULT;
    const uint64_t effective = in[0] | (uint64_t)in[3] << 32, permitted = in[1] | (uint64_t)in[4] << 32;
    const uint64_t inheritable = in[2] | (uint64_t)in[5] << 32;
    struct process *p = lock();
    struct cred *c = &p->cred;
    if (permitted & ~c->cap_permitted || effective & ~permitted ||
        (inheritable & ~(c->cap_inheritable | c->cap_permitted) && !cred_can(c, CAP_SETPCAP)))
        return unlock(p, -EPERM);
    c->cap_effective = effective;
    c->cap_permitted = permitted;
    c->cap_inheritable = inheritable & CRED_ALL_CAPS;
    return unlock(p, 0);
}
