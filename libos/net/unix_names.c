/*
 * Names of Unix sockets: abstract ones by their bytes, path names by the inode that bind() makes.
 * On a host directory that is a node of ours over it (libos/fs/change.c): programs of this instance
 * find each other, nobody else does.
 *
 * g_names_lock guards the list and each name's socket pointer; it is innermost but for dentry
 * counts.
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/stat.h"
#include "libos/fs/change.h"
#include "libos/fs/vfs.h"
#include "libos/net/unix.h"
#include "libos/proc/process.h"

#define FAMILY_SIZE sizeof(uint16_t)

static struct mutex g_names_lock = MUTEX_INIT;
static struct list g_names = LIST_INIT(g_names); /* g_names_lock */
static uint32_t g_next_auto;                     /* g_names_lock */

static bool is_abstract(const struct net_address *a)
{
    return a->size > FAMILY_SIZE && a->a.data[0] == 0;
}

/* The path of an address with its NUL, which the program may have left out. */
static void path_of(const struct net_address *a, char path[UNIX_PATH_MAX + 1])
{
    size_t n = str_length((const char *)a->a.data, MIN(a->size - FAMILY_SIZE, UNIX_PATH_MAX));
    memcpy(path, a->a.data, n);
    path[n] = 0;
}

static struct unix_name *find_bytes_locked(const struct net_address *a)
{
    list_for_each (it, &g_names) {
        struct unix_name *n = list_entry(it, struct unix_name, link);
        if (!n->dentry && n->address.size == a->size && memcmp(&n->address.a, &a->a, a->size) == 0)
            return n;
    }
    return NULL;
}

static struct unix_name *find_inode_locked(const struct inode *inode)
{
    list_for_each (it, &g_names) {
        struct unix_name *n = list_entry(it, struct unix_name, link);
        if (n->dentry && n->dentry->inode == inode)
            return n;
    }
    return NULL;
}

/* Five hexadecimal digits, as Linux's autobind. */
static void automatic_locked(struct net_address *a)
{
    do {
        char digits[8];
        fmt_print(digits, sizeof(digits), "%05x", g_next_auto++ & 0xfffff);
        a->a.data[0] = 0;
        memcpy(a->a.data + 1, digits, 5);
        a->size = FAMILY_SIZE + 6;
    } while (find_bytes_locked(a));
}

static int make_node(struct unix_name *n)
{
    char path[UNIX_PATH_MAX + 1];
    struct fs_view *view = current()->process->fs;
    path_of(&n->address, path);
    int r = vfs_mknod(view, NULL, path, S_IFSOCK | (0777 & ~view->umask), &n->dentry);
    if (r < 0)
        return r == -EEXIST ? -EADDRINUSE : r;
    /* The address is the path with its NUL, as getsockname() shows it. */
    memcpy(n->address.a.data, path, strlen(path) + 1);
    n->address.size = (uint32_t)(FAMILY_SIZE + strlen(path) + 1);
    return 0;
}

int unix_name_bind(struct socket *s, const struct net_address *a, struct unix_name **out)
{
    struct unix_name *n = mem_zalloc(sizeof(*n));
    int r = 0;
    if (!n)
        return -ENOMEM;
    n->address = *a;
    n->socket = s;
    if (a->size > FAMILY_SIZE && !is_abstract(a))
        r = make_node(n);
    mutex_lock(&g_names_lock);
    if (a->size == FAMILY_SIZE)
        automatic_locked(&n->address);
    if (r == 0 && !n->dentry && find_bytes_locked(&n->address))
        r = -EADDRINUSE;
    if (r == 0)
        list_push_back(&g_names, &n->link);
    mutex_unlock(&g_names_lock);
    if (r < 0) {
        mem_free(n);
        return r;
    }
    *out = n;
    return 0;
}

void unix_name_release(struct unix_name *n)
{
    if (!n)
        return;
    mutex_lock(&g_names_lock);
    list_remove(&n->link);
    mutex_unlock(&g_names_lock);
    dentry_put(n->dentry);
    mem_free(n);
}

/* A reference to a socket that is not being released already. */
static int hold_locked(struct unix_name *n, struct socket **out)
{
    uint32_t *refs = &n->socket->file.refs, seen = __atomic_load_n(refs, __ATOMIC_RELAXED);
    while (seen)
        if (__atomic_compare_exchange_n(refs, &seen, seen + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            *out = n->socket;
            return 0;
        }
    return -ECONNREFUSED;
}

static int find_abstract(const struct net_address *a, struct socket **out)
{
    mutex_lock(&g_names_lock);
    struct unix_name *n = find_bytes_locked(a);
    int r = n ? hold_locked(n, out) : -ECONNREFUSED;
    mutex_unlock(&g_names_lock);
    return r;
}

int unix_name_find(const struct net_address *a, struct socket **out)
{
    char path[UNIX_PATH_MAX + 1];
    struct dentry *d;
    if (a->size == FAMILY_SIZE)
        return -EINVAL;
    if (is_abstract(a))
        return find_abstract(a, out);
    path_of(a, path);
    int r = vfs_walk(current()->process->fs, NULL, path, 0, &d);
    if (r < 0)
        return r;
    mutex_lock(&g_names_lock);
    struct unix_name *n = find_inode_locked(d->inode);
    r = n ? hold_locked(n, out)
          : -ECONNREFUSED; /* a plain file, a socket of the host, one whose server went */
    mutex_unlock(&g_names_lock);
    dentry_put(d);
    return r;
}
