/*
 * The table of nodes in host directories. A directory with nodes is held open on the host (O_PATH):
 * as long as we compare its number, the number is not given to another directory.
 *
 * g_names is held over calls of the host, none of which waits for anybody (opens do not block
 * there); g_nodes_mu is innermost but for dentry counts, and guards the table.
 */
#include "libos/fs/nodes.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/host.h"
#include "libos/fs/synthetic.h"
#include "libos/fs/walk.h"
#include "libos/mm/rwlock.h"

#define NAME_KINDS 256u  /* of the hash of a name; a power of two */
#define DIRS_MOST  4096u /* each is a descriptor of the host's */
#define NUMBER_MOST                                                                                \
    ((1u << 30) - 1) /* positions of a directory's nodes: up to the end of DIRFILE_PINNED's range  \
                      */
#define SWEEP_FIRST 32u

struct node_dir {
    struct list link;
    struct list nodes; /* by number */
    uint64_t dev, ino;
    int pin; /* host O_PATH descriptor */
    uint32_t refs;
    uint32_t next; /* number of the next node */
};

struct node {
    struct list link;      /* in the directory's nodes */
    struct list same;      /* in g_names_of */
    struct node_dir *dir;  /* counted */
    struct dentry *dentry; /* counted; has the name */
    uint32_t number;       /* its place in the directory's listing */
};

static struct rwlock g_names;
static struct mutex g_nodes_mu = MUTEX_INIT;
static uint32_t g_count;                       /* atomic: nodes; changed with the names alone */
static uint32_t g_kinds[NAME_KINDS];           /* atomic: nodes by the hash of their names */
static struct list g_names_of[NAME_KINDS];     /* g_nodes_mu; next is NULL until first used */
static struct list g_dirs = LIST_INIT(g_dirs); /* g_nodes_mu */
static uint32_t g_dir_count, g_sweep_at = SWEEP_FIRST; /* names alone */

bool nodes_any(void)
{
    return __atomic_load_n(&g_count, __ATOMIC_RELAXED);
}

bool nodes_lock(bool alone)
{
    for (;;) {
        bool mine = alone || nodes_any();
        if (mine)
            rwlock_write(&g_names);
        else
            rwlock_read(&g_names);
        if (mine || !nodes_any())
            return mine;
        rwlock_read_end(&g_names); /* one was made meanwhile */
    }
}

void nodes_unlock(bool alone)
{
    if (alone)
        rwlock_write_end(&g_names);
    else
        rwlock_read_end(&g_names);
}

static uint32_t kind_of(const char *name, size_t length)
{
    uint32_t h = 0;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)name[i]) * 0x01000193u;
    return (h ^ h >> 16) % NAME_KINDS;
}

bool nodes_may_be(const char *name, size_t length)
{
    return nodes_any() && __atomic_load_n(&g_kinds[kind_of(name, length)], __ATOMIC_RELAXED);
}

bool nodes_may_be_on(const char *path, size_t length)
{
    if (!nodes_any())
        return false;
    for (size_t at = 0, n; at < length; at += n + 1) {
        for (n = 0; at + n < length && path[at + n] != '/';)
            n++;
        if (nodes_may_be(path + at, n))
            return true;
    }
    return false;
}

static struct list *same_kind_locked(uint32_t kind)
{
    struct list *head = &g_names_of[kind];
    if (!head->next)
        list_init(head);
    return head;
}

static struct node *find_locked(uint64_t dev, uint64_t ino, const char *name, size_t length)
{
    list_for_each (it, same_kind_locked(kind_of(name, length))) {
        struct node *n = list_entry(it, struct node, same);
        if (n->dir->ino == ino && n->dir->dev == dev && n->dentry->name_length == length &&
            memcmp(n->dentry->name, name, length) == 0)
            return n;
    }
    return NULL;
}

static struct node *node_of_locked(const struct dentry *d)
{
    list_for_each (it, same_kind_locked(kind_of(d->name, d->name_length))) {
        struct node *n = list_entry(it, struct node, same);
        if (n->dentry == d)
            return n;
    }
    return NULL;
}

struct dentry *nodes_find(struct dentry *dir, const char *name, size_t length)
{
    struct linux_stat st;
    if (!nodes_may_be(name, length) || !dir->inode->ops->identify ||
        dir->inode->ops->identify(dir->inode, &st, NULL) < 0)
        return NULL;
    mutex_lock(&g_nodes_mu);
    struct node *n = find_locked(st.dev, st.ino, name, length);
    struct dentry *d = n ? dentry_get(n->dentry) : NULL;
    mutex_unlock(&g_nodes_mu);
    return d;
}

bool nodes_is(const struct dentry *d)
{
    return inode_is_synthetic(d->inode) && d->inode->type != S_IFDIR;
}

static struct node_dir *find_dir_locked(uint64_t dev, uint64_t ino)
{
    list_for_each (it, &g_dirs) {
        struct node_dir *dir = list_entry(it, struct node_dir, link);
        if (dir->ino == ino && dir->dev == dev)
            return dir;
    }
    return NULL;
}

bool nodes_in(struct inode *inode)
{
    struct linux_stat st;
    if (!nodes_any() || !inode->ops->identify || inode->ops->identify(inode, &st, NULL) < 0)
        return false;
    mutex_lock(&g_nodes_mu);
    struct node_dir *dir = find_dir_locked(st.dev, st.ino);
    bool some = dir && !list_empty(&dir->nodes);
    mutex_unlock(&g_nodes_mu);
    return some;
}

int nodes_host_type(struct dentry *dir, const char *name, struct inode **out)
{
    struct inode *inode;
    int r = dir->inode->ops->lookup(dir->inode, name, str_length(name, VFS_NAME_MAX), &inode);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    inode->nofollow = true;
    r = inode_type(inode);
    if (r > 0 && out)
        *out = inode;
    else
        inode_put(inode);
    return r == -ENOENT ? 0 : r;
}

/* Takes the pin. */
static int add_dir(const struct linux_stat *st, int pin, struct node_dir **out)
{
    struct node_dir *dir = g_dir_count < DIRS_MOST ? mem_alloc(sizeof(*dir)) : NULL;
    if (!dir) {
        host_unpin(pin);
        return g_dir_count < DIRS_MOST ? -ENOMEM : -ENOSPC;
    }
    *dir = (struct node_dir){ .dev = st->dev, .ino = st->ino, .pin = pin, .refs = 1 };
    list_init(&dir->nodes);
    mutex_lock(&g_nodes_mu);
    list_push_back(&g_dirs, &dir->link);
    mutex_unlock(&g_nodes_mu);
    g_dir_count++;
    *out = dir;
    return 0;
}

int nodes_dir_get(struct dentry *dir, struct node_dir **out)
{
    struct linux_stat st;
    int pin;
    int r = dir->inode->ops->identify ? dir->inode->ops->identify(dir->inode, &st, &pin) : -EPERM;
    if (r < 0)
        return r;
    if ((st.mode & S_IFMT) != S_IFDIR || !st.nlink) {
        host_unpin(pin);
        return st.nlink ? -ENOTDIR : -ENOENT;
    }
    mutex_lock(&g_nodes_mu);
    struct node_dir *known = find_dir_locked(st.dev, st.ino);
    mutex_unlock(&g_nodes_mu);
    if (!known)
        return add_dir(&st, pin, out);
    host_unpin(pin);
    known->refs++;
    *out = known;
    return 0;
}

void nodes_dir_put(struct node_dir *dir)
{
    if (--dir->refs)
        return;
    mutex_lock(&g_nodes_mu);
    list_remove(&dir->link);
    mutex_unlock(&g_nodes_mu);
    g_dir_count--;
    host_unpin(dir->pin);
    mem_free(dir);
}

static void renumber_locked(struct node_dir *dir)
{
    dir->next = 0;
    list_for_each (it, &dir->nodes)
        list_entry(it, struct node, link)->number = dir->next++;
}

/* Findable in this directory, by the name that its dentry has. */
static void enter_locked(struct node *n, struct node_dir *dir)
{
    uint32_t kind = kind_of(n->dentry->name, n->dentry->name_length);
    if (dir->next == NUMBER_MOST)
        renumber_locked(dir);
    n->dir = dir;
    n->number = dir->next++;
    list_push_back(&dir->nodes, &n->link);
    list_push_back(same_kind_locked(kind), &n->same);
    __atomic_fetch_add(&g_kinds[kind], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&g_count, 1, __ATOMIC_RELEASE);
}

static void leave_locked(struct node *n)
{
    uint32_t kind = kind_of(n->dentry->name, n->dentry->name_length);
    __atomic_fetch_sub(&g_count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&g_kinds[kind], 1, __ATOMIC_RELAXED);
    list_remove(&n->same);
    list_remove(&n->link);
}

static void forget_node(struct node *n)
{
    mutex_lock(&g_nodes_mu);
    leave_locked(n);
    n->dentry->deleted = true;
    mutex_unlock(&g_nodes_mu);
    synthetic_count_links(n->dentry->inode, -1);
    nodes_dir_put(n->dir);
    dentry_put(n->dentry);
    mem_free(n);
}

void nodes_forget(struct dentry *d)
{
    mutex_lock(&g_nodes_mu);
    struct node *n = node_of_locked(d);
    mutex_unlock(&g_nodes_mu);
    if (n)
        forget_node(n);
}

/* Nodes in directories that others removed from the host: nobody can ever name them. */
static void sweep(void)
{
    struct linux_stat st;
    if (g_dir_count < g_sweep_at)
        return;
    list_for_each_safe (it, &g_dirs) {
        struct node_dir *dir = list_entry(it, struct node_dir, link);
        if (host_pin_stat(dir->pin, &st) < 0 || st.nlink)
            continue;
        dir->refs++;
        list_for_each_safe (node, &dir->nodes)
            forget_node(list_entry(node, struct node, link));
        nodes_dir_put(dir);
    }
    g_sweep_at = g_dir_count + MAX(g_dir_count, SWEEP_FIRST);
}

/* Takes the inode. */
static int add_node(struct dentry *dir, const char *name, struct inode *inode, struct dentry **out)
{
    struct node_dir *at;
    struct node *n;
    /* With room for every other name that it may get. */
    struct dentry *d = dentry_new_sized(dir, name, str_length(name, VFS_NAME_MAX), VFS_NAME_MAX,
                                        inode);
    if (!d)
        return -ENOMEM;
    sweep();
    int r = nodes_dir_get(dir, &at);
    n = r == 0 ? mem_alloc(sizeof(*n)) : NULL;
    if (!n) {
        if (r == 0)
            nodes_dir_put(at);
        dentry_put(d);
        return r < 0 ? r : -ENOMEM;
    }
    *n = (struct node){ .dentry = d };
    synthetic_count_links(inode, 1);
    if (out)
        *out = dentry_get(d);
    mutex_lock(&g_nodes_mu);
    enter_locked(n, at);
    mutex_unlock(&g_nodes_mu);
    return 0;
}

int nodes_make(struct dentry *dir, const char *name, uint32_t mode, struct dentry **out)
{
    struct inode *inode;
    int r = nodes_host_type(dir, name, NULL);
    if (r == 0)
        r = synthetic_node(dir->inode->mount, mode, &inode);
    else
        r = r < 0 ? r : -EEXIST;
    return r < 0 ? r : add_node(dir, name, inode, out);
}

int nodes_link(struct dentry *dir, const char *name, struct inode *node)
{
    struct linux_stat st;
    int r = nodes_host_type(dir, name, NULL);
    if (r == 0 && node->ops->stat(node, &st) == 0 && !st.nlink)
        return -ENOENT; /* by a descriptor: nothing comes back that had lost its last name */
    return r ? (r < 0 ? r : -EEXIST) : add_node(dir, name, inode_get(node), NULL);
}

void nodes_move(struct dentry *d, struct node_dir *at, struct dentry *dir, const char *name)
{
    mutex_lock(&g_nodes_mu);
    struct node *n = node_of_locked(d);
    struct node_dir *old = n->dir;
    leave_locked(n);
    dcache_rename(d, dir, name, str_length(name, VFS_NAME_MAX));
    at->refs++;
    enter_locked(n, at);
    mutex_unlock(&g_nodes_mu);
    nodes_dir_put(old);
}

/* The first node of a directory from this number on. */
static struct dentry *next_node(const struct linux_stat *st, uint32_t from, uint32_t *number)
{
    struct dentry *d = NULL;
    mutex_lock(&g_nodes_mu);
    struct node_dir *dir = find_dir_locked(st->dev, st->ino);
    if (dir)
        list_for_each (it, &dir->nodes) {
            struct node *n = list_entry(it, struct node, link);
            if (n->number < from)
                continue;
            *number = n->number;
            d = dentry_get(n->dentry);
            break;
        }
    mutex_unlock(&g_nodes_mu);
    return d;
}

int nodes_emit(int host_fd, struct dirent_sink *sink, int64_t *pos)
{
    struct linux_stat st;
    struct dentry *d;
    uint32_t number;
    if (!nodes_any() || host_pin_stat(host_fd, &st) < 0)
        return 0;
    while ((d = next_node(&st, (uint32_t)(*pos - NODES_FIRST), &number))) {
        char name[VFS_NAME_MAX + 1];
        dentry_put(dcache_parent(d, name)); /* it may be renamed at any time */
        int r = sink->emit(sink, name, str_length(name, VFS_NAME_MAX), d->inode->ino,
                           (uint8_t)(d->inode->type >> 12), NODES_FIRST + number + 1);
        dentry_put(d);
        if (r < 0)
            return r;
        *pos = NODES_FIRST + number + 1;
    }
    return 0;
}
