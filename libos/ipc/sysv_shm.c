/*
 * System V shared memory: segments are files without a name whose own pages are mapped
 * (vma_source.shared_pages), so every process of the instance sees one copy at one address. The
 * table holds one reference to each until IPC_RMID; each mapping holds another. A segment stays on
 * the list, removed or not, until its last reference goes.
 */
#include "libos/ipc/sysv_shm.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/base/bytes.h"
#include "lib/base/list.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/time.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/cred.h"
#include "libos/proc/process.h"

#define INDEX_BITS                                                                                 \
    15 /* of an identifier, as Linux's; above it a count, so that identifiers do not come again    \
          soon */
#define MAY_READ  04u
#define MAY_WRITE 02u

struct segment {
    struct file file;
    struct list link;       /* g_shm_lock; ordered by index */
    struct shm_info info;   /* g_shm_lock */
    uint64_t address, room; /* constant */
};

static struct mutex g_shm_lock = MUTEX_INIT;
static struct list g_segments = LIST_INIT(g_segments); /* g_shm_lock */
static uint32_t g_count, g_made;                       /* g_shm_lock: on the list; ever made */

static struct segment *segment_of(struct file *f)
{
    return container_of(f, struct segment, file);
}

static int32_t index_of(const struct segment *s)
{
    return s->info.id & ((1 << INDEX_BITS) - 1);
}

static int64_t seconds_now(void)
{
    return clock_realtime() / NSEC_PER_SEC;
}

static uint64_t shared_pages(struct file *f, uint64_t offset, uint64_t size)
{
    struct segment *s = segment_of(f);
    return offset <= s->room && size <= s->room - offset ? s->address + offset : 0;
}

static int segment_map(struct file *f, struct vma *vma)
{
    vma->source = (struct vma_source){ .host_fd = -1, .shared_pages = shared_pages };
    return 0;
}

static void segment_release(struct file *f)
{
    struct segment *s = segment_of(f);
    mutex_lock(&g_shm_lock);
    list_remove(&s->link);
    g_count--;
    mutex_unlock(&g_shm_lock);
    (void)machine_pages_release(s->address, s->room);
    range_free(s->address, s->room);
    mem_free(s);
}

static const struct file_ops segment_ops = { .kind = "SYSV",
                                             .map = segment_map,
                                             .release = segment_release };

bool shm_is_segment(const struct file *f)
{
    return f && f->ops == &segment_ops;
}

/* g_shm_lock held. A segment whose last reference has gone waits for that lock to leave the list.
 */
static bool is_alive(const struct segment *s)
{
    return __atomic_load_n(&s->file.refs, __ATOMIC_ACQUIRE) > 0;
}

static bool try_get(struct segment *s)
{
    uint32_t refs = __atomic_load_n(&s->file.refs, __ATOMIC_RELAXED);
    while (refs && !__atomic_compare_exchange_n(&s->file.refs, &refs, refs + 1, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return refs > 0;
}

static struct segment *find_locked(int32_t id, bool by_index)
{
    list_for_each (it, &g_segments) {
        struct segment *s = list_entry(it, struct segment, link);
        if (id >= 0 && (by_index ? index_of(s) : s->info.id) == id && is_alive(s))
            return s;
    }
    return NULL;
}

static struct segment *find_key_locked(int32_t key)
{
    list_for_each (it, &g_segments) {
        struct segment *s = list_entry(it, struct segment, link);
        if (s->info.key == key && !s->info.removed && is_alive(s))
            return s;
    }
    return NULL;
}

/* Linux's ipcperms(): owner or creator, group, others. wanted: bits of one class, MAY_*. */
static bool allows(const struct shm_info *i, uint32_t wanted, const struct cred *c)
{
    uint32_t mode = i->mode;
    if (c->euid == i->uid || c->euid == i->cuid)
        mode >>= 6;
    else if (c->egid == i->gid || c->egid == i->cgid)
        mode >>= 3;
    return !(wanted & ~mode & 7) || cred_can(c, CAP_IPC_OWNER);
}

static bool may_change(const struct shm_info *i, const struct cred *c)
{
    return c->euid == i->uid || c->euid == i->cuid || cred_can(c, CAP_SYS_ADMIN);
}

/* Onto the list at the lowest free index, which with the count makes its identifier. */
static void number_locked(struct segment *s)
{
    int32_t index = 0;
    struct list *before = &g_segments;
    list_for_each (it, &g_segments) {
        if (index_of(list_entry(it, struct segment, link)) != index)
            break;
        index++;
        before = it;
    }
    s->info.id = (int32_t)((g_made++ & 0xffff) << INDEX_BITS) | index;
    s->info.id &= INT32_MAX;
    list_insert_between(&s->link, before, before->next);
    g_count++;
}

static int64_t create_locked(int32_t key, uint64_t size, int flags, const struct cred *c,
                             int32_t pid)
{
    if (size == 0 || size > g_machine.range_high - g_machine.range_low)
        return size ? -ENOMEM : -EINVAL;
    if (g_count >= SHM_SEGMENTS_MOST)
        return -ENOSPC;
    struct segment *s = mem_zalloc(sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->room = ALIGN_UP(size, PAGE_SIZE);
    s->address = range_alloc(s->room, PAGE_SIZE, g_machine.range_low, g_machine.range_high);
    if (!s->address || machine_pages_commit(s->address, s->room, PAGE_R | PAGE_W) < 0) {
        if (s->address)
            range_free(s->address, s->room);
        mem_free(s);
        return -ENOMEM;
    }
    file_init(&s->file, &segment_ops, O_RDWR);
    s->info = (struct shm_info){ .key = key,
                                 .uid = c->euid,
                                 .gid = c->egid,
                                 .cuid = c->euid,
                                 .cgid = c->egid,
                                 .mode = (uint32_t)flags & 0777,
                                 .creator_pid = pid,
                                 .size = size,
                                 .changed_at = seconds_now() };
    number_locked(s);
    return s->info.id;
}

int64_t shm_get(int32_t key, uint64_t size, int flags, const struct cred *c, int32_t pid)
{
    int64_t r;
    mutex_lock(&g_shm_lock);
    struct segment *s = key == IPC_PRIVATE ? NULL : find_key_locked(key);
    /* What flags ask of the mode, of whichever class (Linux's ipcperms). */
    uint32_t asked = ((uint32_t)flags >> 6 | (uint32_t)flags >> 3 | (uint32_t)flags) & 7;
    if (!s)
        r = key != IPC_PRIVATE && !(flags & IPC_CREAT) ? -ENOENT
                                                       : create_locked(key, size, flags, c, pid);
    else if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
        r = -EEXIST;
    else if (size > s->info.size)
        r = -EINVAL;
    else
        r = allows(&s->info, asked, c) ? s->info.id : -EACCES;
    mutex_unlock(&g_shm_lock);
    return r;
}

int shm_file(int id, bool write, const struct cred *c, struct file **out, uint64_t *size,
             uint64_t *address)
{
    int err = -EINVAL;
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id, false);
    if (s)
        err = allows(&s->info, MAY_READ | (write ? MAY_WRITE : 0), c) ? 0 : -EACCES;
    if (!err && !try_get(s))
        err = -EINVAL;
    if (!err) {
        *out = &s->file;
        *size = s->room;
        *address = s->address;
    }
    mutex_unlock(&g_shm_lock);
    return err;
}

void shm_touched(struct file *f, int32_t pid, bool attached)
{
    struct shm_info *i = &segment_of(f)->info;
    mutex_lock(&g_shm_lock);
    i->last_pid = pid;
    *(attached ? &i->attached_at : &i->detached_at) = seconds_now();
    mutex_unlock(&g_shm_lock);
}

int shm_stat(int id, bool by_index, const struct cred *c, struct shm_info *out)
{
    int r = -EINVAL;
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id, by_index);
    if (s)
        r = !c || allows(&s->info, MAY_READ, c) ? s->info.id : -EACCES;
    if (r >= 0) {
        *out = s->info;
        out->address = s->address;
        out->attached = __atomic_load_n(&s->file.refs, __ATOMIC_RELAXED) -
                        !s->info.removed; /* all but the table's */
    }
    mutex_unlock(&g_shm_lock);
    return r;
}

void shm_totals(struct shm_totals *out)
{
    *out = (struct shm_totals){ 0 };
    mutex_lock(&g_shm_lock);
    list_for_each (it, &g_segments) {
        const struct segment *s = list_entry(it, struct segment, link);
        out->segments++;
        out->pages += s->room / PAGE_SIZE;
        out->highest = (uint32_t)index_of(s);
    }
    mutex_unlock(&g_shm_lock);
}

int shm_remove(int id, const struct cred *c)
{
    bool first = false;
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id, false);
    int r = !s ? -EINVAL : may_change(&s->info, c) ? 0 : -EPERM;
    if (r == 0) {
        first = !s->info.removed;
        s->info.removed = true;
        s->info.key = IPC_PRIVATE;
    }
    mutex_unlock(&g_shm_lock);
    if (first)
        file_put(&s->file); /* the table's reference */
    return r;
}

int shm_set_owner(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id, false);
    int r = !s ? -EINVAL : may_change(&s->info, c) ? 0 : -EPERM;
    if (r == 0) {
        s->info.uid = uid;
        s->info.gid = gid;
        s->info.mode = mode & 0777;
        s->info.changed_at = seconds_now();
    }
    mutex_unlock(&g_shm_lock);
    return r;
}

int shm_may_control(int id, const struct cred *c)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id, false);
    int r = !s ? -EINVAL : may_change(&s->info, c) ? 0 : -EPERM;
    mutex_unlock(&g_shm_lock);
    return r;
}
