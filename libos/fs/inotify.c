/*
 * inotify: an instance is a queue of events and a list of watches, which are marks of notify.h.
 * Watches are under g_notify_mu; the queue has a lock of its own, so that readers disturb nobody.
 */
#include "libos/fs/inotify.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "libos/fs/file.h"
#include "libos/fs/notify.h"
#include "libos/fs/text.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/wait.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/ioctl_arg.h"

struct inotify_limits g_inotify_limits = { 16384, 128, 65536 };
static uint32_t g_instances; /* atomic */
static uint32_t g_watches;   /* g_notify_mu */

struct queued {
    struct list link;
    struct linux_inotify_event head;
    uint32_t name_length;
    char name[];
};

struct inotify {
    struct file f;
    struct list watches; /* g_notify_mu */
    int32_t next_wd;     /* g_notify_mu */
    struct mutex mu;
    struct list queue;       /* mu */
    uint32_t count, bytes;   /* mu: events, and what FIONREAD says */
    struct queued *overflow; /* mu: kept for when there is no room: NULL while it is queued */
    struct wait_queue wait;
};

struct watch {
    struct notify_mark mark; /* owner: the instance */
    struct list link;        /* instance->watches */
    int32_t wd;
    uint32_t flags; /* IN_EXCL_UNLINK, IN_ONESHOT */
};

static struct inotify *inotify_of(const struct file *f)
{
    return (struct inotify *)container_of(f, struct inotify, f);
}

static struct watch *watch_of(struct notify_mark *m)
{
    return container_of(m, struct watch, mark);
}

/* ---- the queue */

/* The one event that may be repeated for nothing: the same as the last in the queue. */
static bool is_repeated_locked(const struct inotify *in, int wd, uint32_t mask, const char *name,
                               size_t length)
{
    if (list_empty(&in->queue) || (mask & IN_IGNORED))
        return false;
    const struct queued *last = list_entry(in->queue.prev, struct queued, link);
    return last->head.wd == wd && last->head.mask == mask && last->name_length == length &&
           memcmp(last->name, name, length) == 0;
}

static void push_locked(struct inotify *in, struct queued *q)
{
    list_push_back(&in->queue, &q->link);
    in->count++;
    in->bytes += (uint32_t)sizeof(q->head) + q->head.length;
}

static void overflow_locked(struct inotify *in)
{
    if (in->overflow)
        push_locked(in, in->overflow);
    in->overflow = NULL;
}

static void post(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
    size_t length = name ? str_length(name, VFS_NAME_MAX) : 0;
    mutex_lock(&in->mu);
    if (!is_repeated_locked(in, wd, mask, name, length)) {
        bool full = in->count >= __atomic_load_n(&g_inotify_limits.queued_events, __ATOMIC_RELAXED);
        struct queued *q = full ? NULL : mem_zalloc(sizeof(*q) + length);
        if (q) {
            uint32_t room = length ? (uint32_t)ALIGN_UP(length + 1, sizeof(q->head)) : 0;
            q->head = (struct linux_inotify_event){ wd, mask, cookie, room };
            q->name_length = (uint32_t)length;
            if (length)
                memcpy(q->name, name, length);
            push_locked(in, q);
        } else {
            overflow_locked(in);
        }
    }
    mutex_unlock(&in->mu);
    wake_all(&in->wait, EPOLLIN | EPOLLRDNORM);
}

/* ---- watches, under g_notify_mu */

static void watch_free_locked(struct watch *w, bool tell)
{
    struct inotify *in = (struct inotify *)(uintptr_t)w->mark.owner;
    list_remove(&w->link);
    g_watches--;
    if (tell)
        post(in, w->wd, IN_IGNORED, 0, NULL);
    mem_free(w);
}

static void on_event(struct notify_mark *m, const struct notify_event *e)
{
    struct watch *w = watch_of(m);
    uint32_t mask = e->mask & (IN_ALL_EVENTS | IN_ISDIR);
    if (e->name && e->unlinked && (w->flags & IN_EXCL_UNLINK))
        return;
    if (mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        mask &= ~IN_ISDIR;
    post((struct inotify *)(uintptr_t)m->owner, w->wd, mask, e->cookie, e->name);
    if (w->flags & IN_ONESHOT) {
        notify_remove_locked(m);
        watch_free_locked(w, true);
    }
}

static void on_gone(struct notify_mark *m)
{
    watch_free_locked(watch_of(m), true);
}

static const struct notify_mark_ops inotify_mark_ops = { on_event, on_gone };

static int update_locked(struct notify_mark *m, uint32_t mask)
{
    struct watch *w = watch_of(m);
    if (mask & IN_MASK_CREATE)
        return -EEXIST;
    uint32_t events = mask & IN_ALL_EVENTS, flags = mask & (IN_EXCL_UNLINK | IN_ONESHOT);
    if (mask & IN_MASK_ADD) {
        events |= m->mask;
        flags |= w->flags;
    }
    notify_set_mask_locked(m, events);
    w->flags = flags;
    return w->wd;
}

static int add_locked(struct inotify *in, struct notify_object *o, uint32_t mask)
{
    if (g_watches >= __atomic_load_n(&g_inotify_limits.watches, __ATOMIC_RELAXED) ||
        in->next_wd == INT32_MAX)
        return -ENOSPC;
    struct watch *w = mem_zalloc(sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->mark.ops = &inotify_mark_ops;
    w->mark.owner = in;
    w->mark.mask = mask & IN_ALL_EVENTS;
    w->flags = mask & (IN_EXCL_UNLINK | IN_ONESHOT);
    w->wd = ++in->next_wd;
    list_push_back(&in->watches, &w->link);
    g_watches++;
    notify_add_locked(o, &w->mark);
    return w->wd;
}

int inotify_add(struct file *f, struct inode *inode, uint32_t mask)
{
    struct inotify *in = inotify_of(f);
    struct notify_target target;
    int r = notify_target(inode, &target);
    if (r < 0)
        return r;
    mutex_lock(&g_notify_mu);
    struct notify_object *o = notify_object_locked(&target);
    struct notify_mark *m = o ? notify_find_locked(o, &inotify_mark_ops, in) : NULL;
    r = !o ? -ENOMEM : m ? update_locked(m, mask) : add_locked(in, o, mask);
    notify_object_check_locked(o);
    mutex_unlock(&g_notify_mu);
    notify_target_drop(&target);
    return r;
}

static void drop_locked(struct watch *w, bool tell)
{
    struct notify_object *o = w->mark.object;
    notify_remove_locked(&w->mark);
    notify_object_check_locked(o);
    watch_free_locked(w, tell);
}

int inotify_remove(struct file *f, int wd)
{
    struct inotify *in = inotify_of(f);
    int r = -EINVAL;
    mutex_lock(&g_notify_mu);
    list_for_each_safe (it, &in->watches) {
        struct watch *w = list_entry(it, struct watch, link);
        if (w->wd != wd)
            continue;
        drop_locked(w, true);
        r = 0;
        break;
    }
    mutex_unlock(&g_notify_mu);
    return r;
}

/* ---- the file */

/* Take the first event off the queue if it fits: NULL when there is none; *fits tells. */
static struct queued *take(struct inotify *in, uint64_t room, bool *fits)
{
    struct queued *q = NULL;
    *fits = true;
    mutex_lock(&in->mu);
    if (!list_empty(&in->queue)) {
        q = list_entry(in->queue.next, struct queued, link);
        *fits = sizeof(q->head) + q->head.length <= room;
        if (*fits) {
            list_remove(&q->link);
            in->count--;
            in->bytes -= (uint32_t)sizeof(q->head) + q->head.length;
        } else {
            q = NULL;
        }
    }
    mutex_unlock(&in->mu);
    return q;
}

/* The overflow event is kept for the next time, every other is freed. */
static void done_with(struct inotify *in, struct queued *q)
{
    if (!(q->head.mask & IN_Q_OVERFLOW)) {
        mem_free(q);
        return;
    }
    mutex_lock(&in->mu);
    in->overflow = q;
    mutex_unlock(&in->mu);
}

static int64_t put_event(struct iobuf *b, const struct queued *q)
{
    uint8_t event[sizeof(q->head) + VFS_NAME_MAX + 1 + sizeof(q->head)];
    size_t size = sizeof(q->head) + q->head.length;
    memset(event, 0, size);
    memcpy(event, &q->head, sizeof(q->head));
    memcpy(event + sizeof(q->head), q->name, q->name_length);
    return iobuf_put(b, event, size) == (int64_t)size ? (int64_t)size : -EFAULT;
}

/* What there is now: bytes, 0, or an error. An event that cannot be copied out is lost, as in
 * Linux. */
static int64_t read_some(struct inotify *in, struct iobuf *b)
{
    int64_t done = 0;
    for (;;) {
        bool fits;
        struct queued *q = take(in, b->left, &fits);
        if (!q)
            return done || fits ? done : -EINVAL;
        int64_t n = put_event(b, q);
        done_with(in, q);
        if (n < 0)
            return n;
        done += n;
    }
}

static int64_t inotify_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct inotify *in = inotify_of(f);
    struct waiter w = { 0 };
    int64_t n;
    while ((n = read_some(in, b)) == 0) {
        if (f->flags & O_NONBLOCK) {
            n = -EAGAIN;
            break;
        }
        if (!w.queue) {
            wait_begin(&w, &in->wait);
        } else if (wait_sleep(PARK_FOREVER) < 0) {
            n = -EINTR;
            break;
        }
    }
    wait_end(&w);
    return n;
}

static uint32_t inotify_poll(struct file *f, struct poll *p)
{
    struct inotify *in = inotify_of(f);
    poll_wait(p, &in->wait);
    mutex_lock(&in->mu);
    bool any = !list_empty(&in->queue);
    mutex_unlock(&in->mu);
    return any ? EPOLLIN | EPOLLRDNORM : 0;
}

static int64_t inotify_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    struct inotify *in = inotify_of(f);
    if (command != LINUX_FIONREAD)
        return -ENOTTY;
    mutex_lock(&in->mu);
    uint32_t bytes = in->bytes;
    mutex_unlock(&in->mu);
    return ioctl_put_int(arg, (int)bytes);
}

static int inotify_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 13, .ino = f->ino, .nlink = 1, .mode = 0600, .blksize = 4096
    };
    return 0;
}

/* A device number as the kernel keeps it and shows it here: major << 20 | minor. */
static uint64_t kernel_dev(uint64_t dev)
{
    uint64_t major = (dev >> 8 & 0xfff) | (dev >> 32 & ~UINT64_C(0xfff)),
             minor = (dev & 0xff) | (dev >> 12 & 0xffffff00);
    return major << 20 | minor;
}

static void inotify_fdinfo(struct file *f, struct text *t)
{
    struct inotify *in = inotify_of(f);
    mutex_lock(&g_notify_mu);
    list_for_each (it, &in->watches) {
        struct watch *w = list_entry(it, struct watch, link);
        struct notify_key key = notify_key_of_locked(w->mark.object);
        text_print(t, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:0 \n", (unsigned)w->wd,
                   (unsigned long)key.ino, (unsigned long)kernel_dev(key.dev),
                   w->mark.mask | w->flags);
    }
    mutex_unlock(&g_notify_mu);
}

static void inotify_release(struct file *f)
{
    struct inotify *in = inotify_of(f);
    mutex_lock(&g_notify_mu);
    list_for_each_safe (it, &in->watches)
        drop_locked(list_entry(it, struct watch, link), false);
    mutex_unlock(&g_notify_mu);
    list_for_each_safe (it, &in->queue)
        mem_free(list_entry(it, struct queued, link));
    mem_free(in->overflow);
    __atomic_fetch_sub(&g_instances, 1, __ATOMIC_RELAXED);
    mem_free(in);
}

static const struct file_ops inotify_ops = {
    .async = EPOLLIN,
    .kind = "anon_inode:inotify",
    .read = inotify_read,
    .seek = file_seek_ignored,
    .stat = inotify_stat,
    .poll = inotify_poll,
    .ioctl = inotify_ioctl,
    .fdinfo = inotify_fdinfo,
    .release = inotify_release,
};

int inotify_check(const struct file *f)
{
    return f->ops == &inotify_ops ? 0 : -EINVAL;
}

int inotify_create(uint32_t flags, struct file **out)
{
    if (__atomic_add_fetch(&g_instances, 1, __ATOMIC_RELAXED) >
        __atomic_load_n(&g_inotify_limits.instances, __ATOMIC_RELAXED)) {
        __atomic_fetch_sub(&g_instances, 1, __ATOMIC_RELAXED);
        return -EMFILE;
    }
    struct inotify *in = mem_zalloc(sizeof(*in));
    struct queued *overflow = mem_zalloc(sizeof(*overflow));
    if (!in || !overflow) {
        mem_free(in);
        mem_free(overflow);
        __atomic_fetch_sub(&g_instances, 1, __ATOMIC_RELAXED);
        return -ENOMEM;
    }
    file_init(&in->f, &inotify_ops, O_RDONLY | (flags & O_NONBLOCK));
    list_init(&in->watches);
    list_init(&in->queue);
    wait_queue_init(&in->wait);
    overflow->head = (struct linux_inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
    in->overflow = overflow;
    *out = &in->f;
    return 0;
}
