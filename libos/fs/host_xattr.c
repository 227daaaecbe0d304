/*
 * Extended attributes of host files. They are the host's word, like all attributes, and nobody verifies them: so
 * in an enclave only files of the allowed list have any. A trusted file has none (its digest covers its content
 * alone), and neither has what the lists do not name. Encrypted mounts have none at all: the host would read them.
 */
#include "libos/fs/host_xattr.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/host.h"
#include "libos/fs/trusted_attr.h"

static bool has_xattrs(const struct host_inode *h)
{
    const struct plan *plan = &g_machine.plan;
    if (!g_machine.is_enclave || plan_is_allowed(plan, h->path, h->length))
        return true;
    return (plan->h->flags & PLAN_POLICY_ALLOW_ALL) && !plan_find_trusted(plan, h->path, h->length);
}

/* The answer into a buffer of ours, whole: what is asked for its size alone would be a number without bounds. */
static int64_t ask(const struct inode *inode, const char *name, void *buffer)
{
    const char *path = host_inode(inode)->path;
    if (!name)
        return inode->nofollow ? host_call(llistxattr, PTR(path), PTR(buffer), XATTR_SIZE_MAX) : host_call(listxattr, PTR(path), PTR(buffer), XATTR_SIZE_MAX);
    return inode->nofollow ? host_call(lgetxattr, PTR(path), PTR(name), PTR(buffer), XATTR_SIZE_MAX)
                           : host_call(getxattr, PTR(path), PTR(name), PTR(buffer), XATTR_SIZE_MAX);
}

/* host may leave out an end or give an empty name: programs walk the list by its zeros */
static bool is_list(const char *list, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = str_length(list + at, size - at);
        if (n == 0 || n > VFS_NAME_MAX || n == size - at)
            return false;
        at += n + 1;
    }
    return true;
}

static int64_t fetch(struct inode *inode, const char *name, void *to, size_t size)
{
    uint8_t *buffer = mem_alloc(XATTR_SIZE_MAX);
    if (!buffer)
        return -ENOMEM;
    int64_t n = ask(inode, name, buffer);
    if (n > 0 && !name && !is_list((const char *)buffer, (size_t)n))
        n = -EIO;
    if (n > 0 && size && (size_t)n > size)
        n = -ERANGE;
    if (n > 0 && size)
        memcpy(to, buffer, (size_t)n);
    mem_free(buffer);
    return n;
}

int64_t host_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
    return has_xattrs(host_inode(inode)) ? fetch(inode, name, value, size) : -ENODATA;
}

int64_t host_listxattr(struct inode *inode, char *list, size_t size)
{
    return has_xattrs(host_inode(inode)) ? fetch(inode, NULL, list, size) : 0;
}

static int changed(int64_t r)
{
    trusted_attr_forget();
    return (int)r;
}

int host_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
    const char *path = host_inode(inode)->path;
    if (!has_xattrs(host_inode(inode)))
        return -EOPNOTSUPP;
    return changed(inode->nofollow ? host_call(lsetxattr, PTR(path), PTR(name), PTR(value), size, (uint64_t)flags)
                                   : host_call(setxattr, PTR(path), PTR(name), PTR(value), size, (uint64_t)flags));
}

int host_removexattr(struct inode *inode, const char *name)
{
    const char *path = host_inode(inode)->path;
    if (!has_xattrs(host_inode(inode)))
        return -EOPNOTSUPP;
    return changed(inode->nofollow ? host_call(lremovexattr, PTR(path), PTR(name)) : host_call(removexattr, PTR(path), PTR(name)));
}
