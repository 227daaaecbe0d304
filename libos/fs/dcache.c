/*
 * Dentries: names that somebody uses right now. There is no cache of unused ones: our own file
 * systems are as fast to ask as a cache, and host directories may change at any time. A dentry
 * lives while it is referenced; children refer to their parents. Pinned ones (mount points and the
 * directories on the way to them) refer to themselves.
 */
#include "libos/fs/dcache.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/notify.h"

#define BUCKETS   1024u
#define NAME_ROOM 32u /* at least: names that fit in place may change by rename */

struct mutex g_tree_lock = MUTEX_INIT;
static struct spinlock g_dcache_lock;
static struct list g_buckets[BUCKETS]; /* g_dcache_lock; next is NULL until first used */

void inode_init(struct inode *inode, const struct fs_ops *ops, struct mount *mount, uint32_t type)
{
    static uint64_t g_next;
    *inode = (struct inode){ .ops = ops, .mount = mount, .refs = 1, .type = type };
    inode->ino = 100 + number_take(&g_next);
}

struct inode *inode_get(struct inode *inode)
{
    ref_get(&inode->refs);
    return inode;
}

void inode_put(struct inode *inode)
{
    if (inode && ref_put(&inode->refs))
        inode->ops->free(inode);
}

int inode_type(struct inode *inode)
{
    uint32_t type = __atomic_load_n(&inode->type, __ATOMIC_RELAXED);
    if (type)
        return (int)type;
    struct linux_stat st;
    int r = inode->ops->stat(inode, &st);
    if (r < 0)
        return r;
    type = st.mode & S_IFMT;
    __atomic_store_n(&inode->type, type, __ATOMIC_RELAXED);
    return type ? (int)type : -EIO;
}

static uint32_t hash_name(const struct dentry *parent, const char *name, size_t length)
{
    uint64_t h = (uint64_t)(uintptr_t)parent * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ (h >> 32));
}

static struct list *bucket_locked(uint32_t hash)
{
    struct list *head = &g_buckets[hash % BUCKETS];
    if (!head->next)
        list_init(head);
    return head;
}

static void init(struct dentry *d, struct dentry *parent, const char *name, size_t length,
                 size_t room)
{
    *d = (struct dentry){
        .parent = parent, .refs = 1, .name_length = (uint16_t)length, .name_room = (uint16_t)room
    };
    if (parent)
        dentry_get(parent);
    else
        d->parent = d;
    memcpy(d->name, name, length);
    d->name[length] = 0;
    list_init(&d->siblings);
    list_init(&d->children);
    list_init(&d->hash);
}

struct dentry *dentry_new_sized(struct dentry *parent, const char *name, size_t length, size_t room,
                                struct inode *inode)
{
    struct dentry *d = mem_alloc(sizeof(*d) + room + 1);
    if (!d) {
        inode_put(inode);
        return NULL;
    }
    init(d, parent, name, length, room);
    d->inode = inode;
    return d;
}

struct dentry *dentry_init_inside(void *at, struct dentry *parent, const char *name, size_t length,
                                  struct inode *inode)
{
    struct dentry *d = at;
    init(d, parent, name, length, MAX(length, NAME_ROOM));
    d->inode = inode;
    d->inside = true;
    return d;
}

size_t dentry_size(size_t length)
{
    return sizeof(struct dentry) + MAX(length, NAME_ROOM) + 1;
}

struct dentry *dentry_new(struct dentry *parent, const char *name, size_t length,
                          struct inode *inode)
{
    return dentry_new_sized(parent, name, length, MAX(length, NAME_ROOM), inode);
}

struct dentry *dentry_new_root(struct inode *inode)
{
    return dentry_new(NULL, "", 0, inode);
}

struct dentry *dentry_new_unnamed(const char *label, size_t length, struct inode *inode)
{
    struct dentry *d = dentry_new(NULL, label, length, inode);
    if (d)
        d->deleted = true;
    return d;
}

struct dentry *dentry_get(struct dentry *d)
{
    ref_get(&d->refs);
    return d;
}

/* Frees upwards without recursion: a long chain of directories must not use up the stack. */
void dentry_put(struct dentry *d)
{
    while (d && ref_put(&d->refs)) {
        struct dentry *parent = d->parent == d ? NULL : d->parent;
        if (d->deleted && notify_wanted(IN_DELETE_SELF))
            notify_dentry_gone(d);
        if (!list_empty(&d->hash) ||
            !list_empty(&d->siblings)) { /* without references: nobody links it any more */
            spin_lock(&g_dcache_lock);
            list_remove(&d->hash);
            list_remove(&d->siblings);
            spin_unlock(&g_dcache_lock);
        }
        void *block = d->inside ? NULL : d;
        inode_put(d->inode);
        mem_free(block);
        d = parent;
    }
}

/* A dentry on its way to being freed has no references left and must not be revived. */
static bool get_unless_zero(struct dentry *d)
{
    uint32_t refs = __atomic_load_n(&d->refs, __ATOMIC_RELAXED);
    while (refs)
        if (__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static struct dentry *find_locked(struct dentry *parent, uint32_t hash, const char *name,
                                  size_t length)
{
    list_for_each (it, bucket_locked(hash)) {
        struct dentry *d = list_entry(it, struct dentry, hash);
        if (d->name_hash == hash && d->parent == parent && d->name_length == length &&
            memcmp(d->name, name, length) == 0 && get_unless_zero(d))
            return d;
    }
    return NULL;
}

struct dentry *dcache_find(struct dentry *parent, const char *name, size_t length)
{
    uint32_t hash = hash_name(parent, name, length);
    if (!(__atomic_load_n(&parent->child_bits, __ATOMIC_ACQUIRE) >> hash % 64 & 1))
        return NULL; /* the common case on host directories, without the lock that all share */
    spin_lock(&g_dcache_lock);
    struct dentry *d = find_locked(parent, hash, name, length);
    spin_unlock(&g_dcache_lock);
    return d;
}

static void link_locked(struct dentry *d)
{
    d->name_hash = hash_name(d->parent, d->name, d->name_length);
    __atomic_fetch_or(&d->parent->child_letters, dcache_letter(d->name[0]), __ATOMIC_RELAXED);
    __atomic_fetch_or(&d->parent->child_bits, UINT64_C(1) << d->name_hash % 64, __ATOMIC_RELEASE);
    list_push_front(bucket_locked(d->name_hash), &d->hash);
    list_push_back(&d->parent->children, &d->siblings);
}

struct dentry *dcache_add(struct dentry *d)
{
    uint32_t hash = hash_name(d->parent, d->name, d->name_length);
    spin_lock(&g_dcache_lock);
    struct dentry *other = find_locked(d->parent, hash, d->name, d->name_length);
    if (!other)
        link_locked(d);
    spin_unlock(&g_dcache_lock);
    if (!other)
        return d;
    dentry_put(d);
    return other;
}

void dcache_remove(struct dentry *d)
{
    spin_lock(&g_dcache_lock);
    list_remove(&d->hash);
    list_remove(&d->siblings);
    d->deleted = true;
    spin_unlock(&g_dcache_lock);
}

void dcache_pin(struct dentry *d)
{
    spin_lock(&g_dcache_lock);
    if (!d->pinned) {
        d->pinned = true;
        dentry_get(d);
    }
    spin_unlock(&g_dcache_lock);
}

/* Takes the new parent's reference and gives back the old one's. */
static struct dentry *rename_locked(struct dentry *d, struct dentry *new_parent, const char *name,
                                    size_t length)
{
    struct dentry *old_parent = d->parent;
    d->parent = new_parent;
    memcpy(d->name, name, length);
    d->name[length] = 0;
    d->name_length = (uint16_t)length;
    return old_parent;
}

int dcache_move(struct dentry *d, struct dentry *new_parent, const char *name, size_t length)
{
    if (length > d->name_room) {
        dcache_remove(d);
        return -ENAMETOOLONG;
    }
    dentry_get(new_parent);
    spin_lock(&g_dcache_lock);
    list_remove(&d->hash);
    list_remove(&d->siblings);
    struct dentry *old_parent = rename_locked(d, new_parent, name, length);
    link_locked(d);
    spin_unlock(&g_dcache_lock);
    dentry_put(old_parent);
    return 0;
}

void dcache_rename(struct dentry *d, struct dentry *new_parent, const char *name, size_t length)
{
    dentry_get(new_parent);
    spin_lock(&g_dcache_lock);
    struct dentry *old_parent = rename_locked(d, new_parent, name, length);
    spin_unlock(&g_dcache_lock);
    dentry_put(old_parent);
}

struct dentry *dcache_parent(struct dentry *d, char name[VFS_NAME_MAX + 1])
{
    struct dentry *parent = NULL;
    spin_lock(&g_dcache_lock);
    if (d->parent != d) {
        size_t from = d->name_length;
        while (from > 0 && d->name[from - 1] != '/' && d->name_length - from < VFS_NAME_MAX)
            from--;
        memcpy(name, d->name + from, d->name_length - from);
        name[d->name_length - from] = 0;
        parent = dentry_get(d->parent);
    }
    spin_unlock(&g_dcache_lock);
    return parent;
}

bool dcache_has_pinned(const struct dentry *parent)
{
    return __atomic_load_n(&parent->children.next, __ATOMIC_RELAXED) != &parent->children;
}

struct dentry *dcache_next_pinned(struct dentry *parent, struct dentry *after)
{
    struct dentry *next = NULL;
    spin_lock(&g_dcache_lock);
    struct list *it = after ? after->siblings.next : parent->children.next;
    for (; it != &parent->children && !(after && it == &after->siblings); it = it->next) {
        struct dentry *d = list_entry(it, struct dentry, siblings);
        if (d->pinned && get_unless_zero(d)) {
            next = d;
            break;
        }
    }
    spin_unlock(&g_dcache_lock);
    dentry_put(after);
    return next;
}

/* One step towards the root; crosses to the directory that a mount covers. NULL at the top of
 * everything. */
static struct dentry *up_locked(struct dentry *d)
{
    while (d->parent == d) {
        d = d->inode->mount->covers;
        if (!d)
            return NULL;
    }
    return d;
}

int64_t dcache_path(struct dentry *root, struct dentry *d, char *buf, size_t size)
{
    size_t at = size;
    int64_t r = -ENAMETOOLONG;
    if (size < 2)
        return r;
    buf[--at] = 0;
    spin_lock(&g_dcache_lock);
    while (d != root) {
        struct dentry *named = up_locked(d);
        if (!named || named == root) {
            if (!named && d != root)
                r = -ENOENT;
            d = root;
            break;
        }
        if (named->name_length + 1u > at)
            goto out;
        at -= named->name_length;
        memcpy(buf + at, named->name, named->name_length);
        buf[--at] = '/';
        d = named->parent;
    }
    if (r == -ENOENT)
        goto out;
    if (at == size - 1)
        buf[--at] = '/';
    r = (int64_t)(size - 1 - at);
    memmove(buf, buf + at, (size_t)r + 1);
out:
    spin_unlock(&g_dcache_lock);
    return r;
}
