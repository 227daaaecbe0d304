/*
 * System V shared memory: segments are files without a name whose own pages are mapped
 * (vma_source.shared_pages), so every process of the instance sees one copy at one address. The
 * table holds one reference to each until IPC_RMID; each mapping holds another. A segment stays in
 * the table, removed or not, until its last reference goes.
 */
#include "libos/ipc/sysv_shm.h"

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"

struct segment {
    struct file file;
    struct shm_info info;   /* g_shm_lock; info.perm stands in the table */
    uint64_t address, room; /* constant */
};

static struct mutex g_shm_lock = MUTEX_INIT;
static struct ipc_table g_segments = IPC_TABLE_INIT(SHM_SEGMENTS_MOST); /* g_shm_lock */

/* A segment attached for reading: a file of its own, so that mprotect() cannot add what shmat() did
 * not ask for. */
struct view {
    struct file file;
    struct segment *segment; /* counted */
};

static const struct file_ops segment_ops, view_ops;

static struct segment *segment_of(struct file *f)
{
    return f->ops == &view_ops ? container_of(f, struct view, file)->segment
                               : container_of(f, struct segment, file);
}

static struct segment *segment_at(struct ipc_perm *p)
{
    return container_of(p, struct segment, info.perm);
}

static uint64_t shared_pages(struct file *f, uint64_t offset, uint64_t size)
{
    struct segment *s = segment_of(f);
    return offset <= s->room && size <= s->room - offset ? s->address + offset : 0;
}

static int segment_map(struct file *f, struct vma *vma)
{
    vma->source = (struct vma_source){ .host_fd = -1,
                                       .shared_pages = shared_pages,
                                       .exclusive = true };
    return 0;
}

static void segment_free(struct segment *s)
{
    (void)machine_pages_release(s->address, s->room);
    range_free(s->address, s->room);
    mem_free(s);
}

static void segment_release(struct file *f)
{
    struct segment *s = segment_of(f);
    mutex_lock(&g_shm_lock);
    ipc_drop(&g_segments, &s->info.perm);
    mutex_unlock(&g_shm_lock);
    segment_free(s);
}

static const struct file_ops segment_ops = { .kind = "SYSV",
                                             .map = segment_map,
                                             .release = segment_release };

static void view_release(struct file *f)
{
    struct view *v = container_of(f, struct view, file);
    file_put(&v->segment->file);
    mem_free(v);
}

static const struct file_ops view_ops = { .kind = "SYSV",
                                          .map = segment_map,
                                          .release = view_release };

bool shm_is_segment(const struct file *f)
{
    return f && (f->ops == &segment_ops || f->ops == &view_ops);
}

/* g_shm_lock held. A segment whose last reference has gone waits for that lock to leave the table.
 */
static bool is_alive(const struct segment *s)
{
    return __atomic_load_n(&s->file.refs, __ATOMIC_ACQUIRE) > 0;
}

uint64_t shm_room(struct file *f)
{
    return segment_of(f)->room;
}

static bool try_get(struct segment *s)
{
    uint32_t refs = __atomic_load_n(&s->file.refs, __ATOMIC_RELAXED);
    while (refs && !__atomic_compare_exchange_n(&s->file.refs, &refs, refs + 1, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return refs > 0;
}

static int find_locked(int32_t id, bool by_index, struct segment **out)
{
    struct ipc_perm *p;
    int err = ipc_find(&g_segments, id, by_index, &p);
    if (err)
        return err;
    *out = segment_at(p);
    return is_alive(*out) ? 0 : -EIDRM;
}

static int find_own_locked(int32_t id, const struct cred *c, struct segment **out)
{
    int err = find_locked(id, false, out);
    if (err)
        return err;
    return ipc_may_change(&(*out)->info.perm, c) ? 0 : -EPERM;
}

static int64_t create_locked(int32_t key, uint64_t size, int flags, const struct cred *c,
                             int32_t pid)
{
    if (size == 0 || size > g_machine.range_high - g_machine.range_low)
        return size ? -ENOMEM : -EINVAL;
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
    s->info = (struct shm_info){ .creator_pid = pid,
                                 .size = size,
                                 .changed_at = ipc_seconds_now() };
    int r = ipc_add(&g_segments, &s->info.perm, key, flags, c);
    if (r < 0)
        segment_free(s);
    return r;
}

int64_t shm_get(int32_t key, uint64_t size, int flags, const struct cred *c, int32_t pid)
{
    struct ipc_perm *p;
    mutex_lock(&g_shm_lock);
    int64_t r = ipc_look_up(&g_segments, key, flags, &p);
    if (r == 0 && !p)
        r = create_locked(key, size, flags, c, pid);
    else if (r == 0 && size > segment_at(p)->info.size)
        r = -EINVAL;
    else if (r == 0)
        r = ipc_allows_flags(p, flags, c) ? p->id : -EACCES;
    mutex_unlock(&g_shm_lock);
    return r;
}

/* Takes over the caller's reference to s. */
static struct file *view_of(struct segment *s)
{
    struct view *v = mem_alloc(sizeof(*v));
    if (!v) {
        file_put(&s->file);
        return NULL;
    }
    file_init(&v->file, &view_ops, O_RDONLY);
    v->segment = s;
    return &v->file;
}

int shm_file(int id, bool write, const struct cred *c, struct file **out, uint64_t *size,
             uint64_t *address)
{
    struct segment *s;
    mutex_lock(&g_shm_lock);
    int err = find_locked(id, false, &s);
    if (!err && !ipc_allows(&s->info.perm, IPC_MAY_READ | (write ? IPC_MAY_WRITE : 0), c))
        err = -EACCES;
    if (!err && !try_get(s))
        err = -EIDRM;
    mutex_unlock(&g_shm_lock);
    if (err)
        return err;
    *size = s->room;
    *address = s->address;
    *out = write ? &s->file : view_of(s);
    return *out ? 0 : -ENOMEM;
}

void shm_touched(struct file *f, int32_t pid, bool attached)
{
    struct shm_info *i = &segment_of(f)->info;
    mutex_lock(&g_shm_lock);
    i->last_pid = pid;
    *(attached ? &i->attached_at : &i->detached_at) = ipc_seconds_now();
    mutex_unlock(&g_shm_lock);
}

int shm_stat(int id, bool by_index, const struct cred *c, struct shm_info *out)
{
    struct segment *s;
    mutex_lock(&g_shm_lock);
    int r = find_locked(id, by_index, &s);
    if (r == 0)
        r = !c || ipc_allows(&s->info.perm, IPC_MAY_READ, c) ? s->info.perm.id : -EACCES;
    if (r >= 0) {
        *out = s->info;
        out->address = s->address;
        out->attached = __atomic_load_n(&s->file.refs, __ATOMIC_RELAXED) -
                        !s->info.perm.removed; /* all but the table's */
    }
    mutex_unlock(&g_shm_lock);
    return r;
}

void shm_totals(struct shm_totals *out)
{
    mutex_lock(&g_shm_lock);
    *out = (struct shm_totals){ .segments = g_segments.count, .highest = ipc_highest(&g_segments) };
    for (uint32_t i = 0; i < g_segments.room; i++)
        if (g_segments.slots[i])
            out->pages += segment_at(g_segments.slots[i])->room / PAGE_SIZE;
    mutex_unlock(&g_shm_lock);
}

int shm_remove(int id, const struct cred *c)
{
    bool first = false;
    struct segment *s;
    mutex_lock(&g_shm_lock);
    int r = find_own_locked(id, c, &s);
    if (r == 0) {
        first = !s->info.perm.removed;
        s->info.perm.removed = true;
        s->info.perm.key = IPC_PRIVATE;
    }
    mutex_unlock(&g_shm_lock);
    if (first)
        file_put(&s->file); /* the table's reference */
    return r;
}

int shm_set_owner(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode)
{
    struct segment *s;
    mutex_lock(&g_shm_lock);
    int r = find_own_locked(id, c, &s);
    if (r == 0)
        r = ipc_set_owner(&s->info.perm, uid, gid, mode);
    if (r == 0)
        s->info.changed_at = ipc_seconds_now();
    mutex_unlock(&g_shm_lock);
    return r;
}

int shm_may_control(int id, const struct cred *c)
{
    struct segment *s;
    mutex_lock(&g_shm_lock);
    int r = find_own_locked(id, c, &s);
    mutex_unlock(&g_shm_lock);
    return r;
}
