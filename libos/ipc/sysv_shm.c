/*
 * System V shared memory: segments are files without a name whose own pages are mapped
 * (vma_source.shared_pages), so every process of the instance sees one copy at one address. The
 * table holds one reference to each until IPC_RMID; each mapping holds another.
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

struct segment {
    struct file file;
    struct list link;       /* g_shm_lock */
    struct shm_info info;   /* g_shm_lock */
    uint64_t address, room; /* constant */
};

static struct mutex g_shm_lock = MUTEX_INIT;
static struct list g_segments = LIST_INIT(g_segments); /* g_shm_lock */
static int32_t g_next_id;                              /* g_shm_lock */

static struct segment *segment_of(struct file *f)
{
    return container_of(f, struct segment, file);
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

static struct segment *find_locked(int32_t id)
{
    list_for_each (it, &g_segments) {
        struct segment *s = list_entry(it, struct segment, link);
        if (s->info.id == id)
            return s;
    }
    return NULL;
}

static struct segment *find_key_locked(int32_t key)
{
    list_for_each (it, &g_segments) {
        struct segment *s = list_entry(it, struct segment, link);
        if (s->info.key == key)
            return s;
    }
    return NULL;
}

static int64_t create_locked(int32_t key, uint64_t size, int flags, uint32_t uid, uint32_t gid,
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
    s->info = (struct shm_info){ .key = key,
                                 .id = g_next_id++,
                                 .uid = uid,
                                 .gid = gid,
                                 .mode = (uint32_t)flags & 0777,
                                 .creator_pid = (uint32_t)pid,
                                 .size = size,
                                 .created = clock_realtime() / NSEC_PER_SEC };
    list_push_back(&g_segments, &s->link);
    return s->info.id;
}

int64_t shm_get(int32_t key, uint64_t size, int flags, uint32_t uid, uint32_t gid, int32_t pid)
{
    int64_t r;
    mutex_lock(&g_shm_lock);
    struct segment *s = key == IPC_PRIVATE ? NULL : find_key_locked(key);
    if (s)
        r = (flags & IPC_CREAT) && (flags & IPC_EXCL) ? -EEXIST
            : size > s->info.size                     ? -EINVAL
                                                      : s->info.id;
    else if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
        r = -ENOENT;
    else
        r = create_locked(key, size, flags, uid, gid, pid);
    mutex_unlock(&g_shm_lock);
    return r;
}

struct file *shm_file(int id, uint64_t *size, uint64_t *address)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id);
    if (s) {
        file_get(&s->file);
        *size = s->room;
        *address = s->address;
    }
    mutex_unlock(&g_shm_lock);
    return s ? &s->file : NULL;
}

int shm_stat(int id, struct shm_info *out)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id);
    if (s) {
        *out = s->info;
        out->attached = __atomic_load_n(&s->file.refs, __ATOMIC_RELAXED) -
                        1; /* all but the table's */
    }
    mutex_unlock(&g_shm_lock);
    return s ? 0 : -EINVAL;
}

int shm_remove(int id, uint32_t uid)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id);
    int r = !s ? -EINVAL : uid && uid != s->info.uid ? -EPERM : 0;
    if (r == 0)
        list_remove(&s->link);
    mutex_unlock(&g_shm_lock);
    if (r == 0)
        file_put(&s->file);
    return r;
}

int shm_set_owner(int id, uint32_t uid, uint32_t gid, uint32_t mode)
{
    mutex_lock(&g_shm_lock);
    struct segment *s = find_locked(id);
    if (s) {
        s->info.uid = uid;
        s->info.gid = gid;
        s->info.mode = mode & 0777;
    }
    mutex_unlock(&g_shm_lock);
    return s ? 0 : -EINVAL;
}
