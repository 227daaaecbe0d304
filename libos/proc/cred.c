/* The set*id rules of Linux's kernel/sys.c and the capability adjustments of security/commoncap.c. */
#include "libos/proc/cred.h"

#include "lib/linux/errno.h"
#include "libos/proc/process.h"

bool cred_can(const struct cred *c, unsigned cap)
{
    return c->cap_effective >> cap & 1;
}

/* Leaving uid 0 altogether drops capabilities; changing the effective one between 0 and other switches them off and on. */
static void adjust_caps(const struct cred *old, struct cred *c, bool keep_caps)
{
    bool had_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
    bool has_root = c->uid == 0 || c->euid == 0 || c->suid == 0;
    if (had_root && !has_root && !keep_caps)
        c->cap_permitted = c->cap_effective = 0;
    if (old->euid == 0 && c->euid != 0)
        c->cap_effective = 0;
    if (old->euid != 0 && c->euid == 0)
        c->cap_effective = c->cap_permitted;
}

static bool is_own_uid(const struct cred *c, uint32_t id)
{
    return id == c->uid || id == c->euid || id == c->suid;
}

static bool is_own_gid(const struct cred *c, uint32_t id)
{
    return id == c->gid || id == c->egid || id == c->sgid;
}

int cred_set_uid(struct cred *c, uint32_t uid, bool keep_caps)
{
    struct cred old = *c;
    if (uid == CRED_KEEP)
        return -EINVAL;
    if (cred_can(c, CAP_SETUID))
        c->uid = c->suid = uid;
    else if (uid != c->uid && uid != c->suid)
        return -EPERM;
    c->euid = c->fsuid = uid;
    adjust_caps(&old, c, keep_caps);
    return 0;
}

int cred_set_gid(struct cred *c, uint32_t gid)
{
    if (gid == CRED_KEEP)
        return -EINVAL;
    if (cred_can(c, CAP_SETGID))
        c->gid = c->sgid = gid;
    else if (gid != c->gid && gid != c->sgid)
        return -EPERM;
    c->egid = c->fsgid = gid;
    return 0;
}

int cred_set_reuid(struct cred *c, uint32_t ruid, uint32_t euid, bool keep_caps)
{
    struct cred old = *c;
    bool can = cred_can(c, CAP_SETUID);
    if (ruid != CRED_KEEP && !can && ruid != c->uid && ruid != c->euid)
        return -EPERM;
    if (euid != CRED_KEEP && !can && !is_own_uid(c, euid))
        return -EPERM;
    if (ruid != CRED_KEEP)
        c->uid = ruid;
    if (euid != CRED_KEEP)
        c->euid = euid;
    if (ruid != CRED_KEEP || (euid != CRED_KEEP && euid != old.uid))
        c->suid = c->euid;
    c->fsuid = c->euid;
    adjust_caps(&old, c, keep_caps);
    return 0;
}

int cred_set_regid(struct cred *c, uint32_t rgid, uint32_t egid)
{
    uint32_t old = c->gid;
    bool can = cred_can(c, CAP_SETGID);
    if (rgid != CRED_KEEP && !can && rgid != c->gid && rgid != c->egid)
        return -EPERM;
    if (egid != CRED_KEEP && !can && !is_own_gid(c, egid))
        return -EPERM;
    if (rgid != CRED_KEEP)
        c->gid = rgid;
    if (egid != CRED_KEEP)
        c->egid = egid;
    if (rgid != CRED_KEEP || (egid != CRED_KEEP && egid != old))
        c->sgid = c->egid;
    c->fsgid = c->egid;
    return 0;
}

int cred_set_resuid(struct cred *c, uint32_t ruid, uint32_t euid, uint32_t suid, bool keep_caps)
{
    const uint32_t ids[3] = { ruid, euid, suid };
    struct cred old = *c;
    for (int i = 0; i < 3; i++)
        if (ids[i] != CRED_KEEP && !cred_can(c, CAP_SETUID) && !is_own_uid(c, ids[i]))
            return -EPERM;
    if (ruid != CRED_KEEP)
        c->uid = ruid;
    if (euid != CRED_KEEP)
        c->euid = euid;
    if (suid != CRED_KEEP)
        c->suid = suid;
    c->fsuid = c->euid;
    adjust_caps(&old, c, keep_caps);
    return 0;
}

int cred_set_resgid(struct cred *c, uint32_t rgid, uint32_t egid, uint32_t sgid)
{
    const uint32_t ids[3] = { rgid, egid, sgid };
    for (int i = 0; i < 3; i++)
        if (ids[i] != CRED_KEEP && !cred_can(c, CAP_SETGID) && !is_own_gid(c, ids[i]))
            return -EPERM;
    if (rgid != CRED_KEEP)
        c->gid = rgid;
    if (egid != CRED_KEEP)
        c->egid = egid;
    if (sgid != CRED_KEEP)
        c->sgid = sgid;
    c->fsgid = c->egid;
    return 0;
}

uint32_t cred_set_fsuid(struct cred *c, uint32_t uid)
{
    uint32_t old = c->fsuid;
    if (cred_can(c, CAP_SETUID) || is_own_uid(c, uid) || uid == old)
        c->fsuid = uid == CRED_KEEP ? old : uid;
    return old;
}

uint32_t cred_set_fsgid(struct cred *c, uint32_t gid)
{
    uint32_t old = c->fsgid;
    if (cred_can(c, CAP_SETGID) || is_own_gid(c, gid) || gid == old)
        c->fsgid = gid == CRED_KEEP ? old : gid;
    return old;
}
