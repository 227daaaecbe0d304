/*
 * epoll: an interest list per instance and two sources of events. Files of ours announce changes on
 * wait queues: each item has callback waiters there that put it on the ready list. Descriptors of
 * the host: epoll_host.c.
 *
 * Items do not count a reference to their file: epoll_forget() removes them, under ep->mu, before
 * the file is freed.
 */
#include "libos/ipc/epoll.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/stat.h"
#include "libos/ipc/epoll_object.h"

#define NESTING_MAX 5
#define EXCLUSIVE_OK                                                                               \
    (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static struct mutex g_watchers_lock = MUTEX_INIT;
static struct mutex g_nesting_lock =
    MUTEX_INIT; /* adding an epoll to an epoll: one at a time, so that no loop forms */

static const struct file_ops epoll_ops;

static struct epoll *epoll_of(struct file *f)
{
    return container_of(f, struct epoll, file);
}

static struct epoll_item *item_of(struct rb_node *n)
{
    return n ? container_of(n, struct epoll_item, node) : NULL;
}

/* ---- the ready list */

static void make_ready(struct epoll_item *item)
{
    struct epoll *ep = item->ep;
    spin_lock(&ep->ready_lock);
    if (list_empty(&item->ready))
        list_push_back(&ep->ready, &item->ready);
    spin_unlock(&ep->ready_lock);
}

static void announce(struct epoll *ep)
{
    wake_one(&ep->waiters, EPOLLIN);
    wake_all(&ep->pollers, EPOLLIN | EPOLLRDNORM);
}

/* A file announced a change: runs under its queue's lock. */
static void on_change(struct waiter *w, uint32_t events)
{
    struct epoll_item *item = w->arg;
    make_ready(item);
    announce(item->ep);
}

/* ---- registering with a file */

struct registration {
    struct poll base;
    struct epoll_item *item;
    bool failed;
};

static void register_wait(struct poll *p, struct wait_queue *q)
{
    struct registration *r = container_of(p, struct registration, base);
    struct epoll_item *item = r->item;
    if (item->waiter_count == EPOLL_QUEUES_MAX) {
        r->failed = true;
        return;
    }
    struct waiter *w = &item->waiters[item->waiter_count++];
    *w = (struct waiter){ .callback = on_change,
                          .arg = item,
                          .events = (item->events & ~EPOLL_SETTINGS) | EPOLLERR | EPOLLHUP,
                          .exclusive = item->events & EPOLLEXCLUSIVE };
    wait_add(w, q);
}

static void register_host(struct poll *p, int host_fd, uint32_t events)
{
    struct registration *r = container_of(p, struct registration, base);
    r->item->host_fd = host_fd;
    r->item->host_mask = events;
}

static const struct poll_ops register_ops = { register_wait, register_host };

/* ---- items */

static int compare(const struct epoll_item *item, const struct file *f, int fd)
{
    uintptr_t a = (uintptr_t)item->file, b = (uintptr_t)f;
    if (a != b)
        return a < b ? -1 : 1;
    return item->fd == fd ? 0 : item->fd < fd ? -1 : 1;
}

static struct epoll_item *find_locked(struct epoll *ep, const struct file *f, int fd)
{
    struct epoll_item *item = item_of(ep->items.root);
    while (item) {
        int c = compare(item, f, fd);
        if (c == 0)
            return item;
        item = item_of(c < 0 ? item->node.right : item->node.left);
    }
    return NULL;
}

static void insert_locked(struct epoll *ep, struct epoll_item *item)
{
    struct rb_node **link = &ep->items.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = compare(item_of(parent), item->file, item->fd) > 0 ? &parent->left : &parent->right;
    }
    rb_link(&ep->items, &item->node, parent, link);
    mutex_lock(&g_watchers_lock);
    item->watch_next = item->file->watchers;
    item->file->watchers = item;
    mutex_unlock(&g_watchers_lock);
}

static void remove_locked(struct epoll *ep, struct epoll_item *item)
{
    for (uint32_t i = 0; i < item->waiter_count; i++)
        wait_end(&item->waiters[i]);
    if (item->host_fd >= 0)
        epoll_host_remove_locked(ep, item);
    spin_lock(&ep->ready_lock);
    list_remove(&item->ready);
    spin_unlock(&ep->ready_lock);
    rb_remove(&ep->items, &item->node);
    mutex_lock(&g_watchers_lock);
    struct epoll_item **link = &item->file->watchers;
    while (*link != item)
        link = &(*link)->watch_next;
    *link = item->watch_next;
    mutex_unlock(&g_watchers_lock);
    mem_free(item);
}

static void undo_add(struct epoll *ep, struct epoll_item *item)
{
    for (uint32_t i = 0; i < item->waiter_count; i++)
        wait_end(&item->waiters[i]);
    spin_lock(&ep->ready_lock);
    list_remove(&item->ready);
    spin_unlock(&ep->ready_lock);
    mem_free(item);
}

static int add_locked(struct epoll *ep, struct file *f, int fd, uint32_t events, uint64_t data)
{
    struct epoll_item *item = mem_zalloc(sizeof(*item));
    if (!item)
        return -ENOMEM;
    item->ep = ep;
    item->file = f;
    item->fd = fd;
    item->events = events;
    item->data = data;
    item->host_fd = -1;
    list_init(&item->ready);
    struct registration r = { .base = { &register_ops }, .item = item };
    uint32_t now = file_poll(f, &r.base);
    int err = r.failed ? -ENOMEM : item->host_fd >= 0 ? epoll_host_add_locked(ep, item) : 0;
    if (err < 0) {
        undo_add(ep, item);
        return err;
    }
    insert_locked(ep, item);
    if (now & (events | EPOLLERR | EPOLLHUP)) {
        make_ready(item);
        announce(ep);
    }
    return 0;
}

static int modify_locked(struct epoll *ep, struct epoll_item *item, uint32_t events, uint64_t data)
{
    if ((item->events | events) & EPOLLEXCLUSIVE)
        return -EINVAL;
    item->events = events;
    item->data = data;
    for (uint32_t i = 0; i < item->waiter_count; i++)
        __atomic_store_n(&item->waiters[i].events, (events & ~EPOLL_SETTINGS) | EPOLLERR | EPOLLHUP,
                         __ATOMIC_RELAXED);
    if (item->host_fd >= 0) {
        int r = epoll_host_modify_locked(ep, item);
        if (r < 0)
            return r;
    }
    if (file_poll_inside(item->file) & (events | EPOLLERR | EPOLLHUP)) {
        make_ready(item);
        announce(ep);
    }
    return 0;
}

/* Would ep, watched by others already, be reachable from f? Depth counts epolls below. Under
 * g_nesting_lock. */
static bool makes_loop(struct file *f, const struct epoll *ep, int depth)
{
    if (f == &ep->file || depth > NESTING_MAX)
        return true;
    if (f->ops != &epoll_ops)
        return false;
    bool loop = false;
    struct epoll *inner = epoll_of(f);
    mutex_lock(&inner->mu); /* inner is not ep: no lock is taken twice */
    for (struct rb_node *n = rb_first(&inner->items); n && !loop; n = rb_next(n)) {
        struct file *next = item_of(n)->file;
        loop = next->ops == &epoll_ops && makes_loop(next, ep, depth + 1);
    }
    mutex_unlock(&inner->mu);
    return loop;
}

static int check_control(struct file *ep, int op, struct file *target, uint32_t events)
{
    if (!file_settled_ops(target)->poll)
        return -EPERM;
    if (ep == target || ep->ops != &epoll_ops)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && (events & EPOLLEXCLUSIVE)) {
        if (op == EPOLL_CTL_MOD || target->ops == &epoll_ops || (events & ~EXCLUSIVE_OK))
            return -EINVAL;
    }
    return op == EPOLL_CTL_ADD || op == EPOLL_CTL_DEL || op == EPOLL_CTL_MOD ? 0 : -EINVAL;
}

int epoll_control(struct file *epf, int op, struct file *target, int fd, uint32_t events,
                  uint64_t data)
{
    int r = check_control(epf, op, target, events);
    if (r < 0)
        return r;
    struct epoll *ep = epoll_of(epf);
    bool nesting = op == EPOLL_CTL_ADD && target->ops == &epoll_ops;
    if (nesting) {
        mutex_lock(&g_nesting_lock);
        if (makes_loop(target, ep, 1)) {
            mutex_unlock(&g_nesting_lock);
            return -ELOOP;
        }
    }
    mutex_lock(&ep->mu);
    struct epoll_item *item = find_locked(ep, target, fd);
    if (op == EPOLL_CTL_ADD)
        r = item ? -EEXIST : add_locked(ep, target, fd, events, data);
    else if (!item)
        r = -ENOENT;
    else if (op == EPOLL_CTL_MOD)
        r = modify_locked(ep, item, events, data);
    else
        remove_locked(ep, item);
    mutex_unlock(&ep->mu);
    if (nesting)
        mutex_unlock(&g_nesting_lock);
    return r;
}

/* ---- collecting */

void epoll_deliver_locked(struct epoll_item *item, uint32_t events, struct linux_epoll_event *out)
{
    out->events = events;
    out->data = item->data;
    if (item->events & EPOLLONESHOT)
        item->events &= EPOLL_SETTINGS; /* asleep until EPOLL_CTL_MOD */
}

/* The next item of those announced before this scan; from here an announcement is for the next
 * scan. */
static struct epoll_item *take_first(struct epoll *ep, struct list *scan)
{
    spin_lock(&ep->ready_lock);
    struct epoll_item *item = list_empty(scan) ? NULL
                                               : list_entry(scan->next, struct epoll_item, ready);
    if (item)
        list_remove(&item->ready);
    spin_unlock(&ep->ready_lock);
    return item;
}

/* Events of our own files: look at each item that was announced, once. */
static uint32_t collect_inside_locked(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    struct list scan = LIST_INIT(scan), again = LIST_INIT(again);
    struct epoll_item *item;
    uint32_t n = 0;
    spin_lock(&ep->ready_lock);
    list_take_front(&scan, &ep->ready);
    spin_unlock(&ep->ready_lock);
    while (n < max && (item = take_first(ep, &scan))) {
        uint32_t asked = item->events & ~EPOLL_SETTINGS;
        uint32_t found = asked ? file_poll_inside(item->file) & (asked | EPOLLERR | EPOLLHUP) : 0;
        if (!found)
            continue;
        epoll_deliver_locked(item, found, &out[n++]);
        if (item->events & (EPOLLET | EPOLLONESHOT))
            continue;
        spin_lock(&ep->ready_lock); /* level-triggered: look again next time */
        if (list_empty(&item->ready))
            list_push_back(&again, &item->ready);
        spin_unlock(&ep->ready_lock);
    }
    spin_lock(&ep->ready_lock);
    list_take_front(&again, &ep->ready);
    list_take_front(&again, &scan);
    list_take_front(&ep->ready, &again);
    spin_unlock(&ep->ready_lock);
    return n;
}

static uint32_t collect_inside(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    mutex_lock(&ep->mu);
    uint32_t n = collect_inside_locked(ep, out, max);
    mutex_unlock(&ep->mu);
    return n;
}

static uint32_t collect_host(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    mutex_lock(&ep->mu);
    uint32_t n = ep->host_items && max ? epoll_host_collect_locked(ep, out, max) : 0;
    mutex_unlock(&ep->mu);
    return n;
}

/* What we leave another thread may take; it may have been woken for us. */
static void pass_on(struct epoll *ep)
{
    spin_lock(&ep->ready_lock);
    bool more = !list_empty(&ep->ready);
    spin_unlock(&ep->ready_lock);
    if (more)
        wake_one(&ep->waiters, EPOLLIN);
}

/*
 * The host is asked by the sleep itself, which ends at once when it has something. Ours come first:
 * who finds some, or will not sleep, asks the host what it has now.
 */
int64_t epoll_collect(struct file *epf, struct linux_epoll_event *out, uint32_t max,
                      int64_t deadline)
{
    if (epf->ops != &epoll_ops)
        return -EINVAL;
    struct epoll *ep = epoll_of(epf);
    struct waiter w = { .thread = thread_block(), .exclusive = true };
    int64_t r = 0;
    if (deadline != 0)
        wait_add(&w, &ep->waiters);
    uint32_t n = collect_inside(ep, out, max);
    bool ask = n || deadline == 0;
    while (!ask && n == 0 && r == 0) {
        r = epoll_host_sleep(ep, out, max, deadline);
        n = r > 0 ? (uint32_t)r : 0;
        n += collect_inside(ep, out + n, max - n);
        ask = r == -EINTR || (r == 0 && n);
    }
    if (ask)
        n += collect_host(ep, out + n, max - n);
    wait_end(&w);
    pass_on(ep);
    return n ? n : r == -ETIMEDOUT ? 0 : r;
}

/* ---- an epoll as a file */

static uint32_t epoll_poll(struct file *f, struct poll *p)
{
    struct epoll *ep = epoll_of(f);
    bool ready = false;
    poll_wait(p, &ep->pollers);
    mutex_lock(&ep->mu);
    for (struct rb_node *n = rb_first(&ep->items); n && !ready; n = rb_next(n)) {
        struct epoll_item *item = item_of(n);
        uint32_t asked = item->events & ~EPOLL_SETTINGS;
        ready = asked && !list_empty(&item->ready) &&
                (file_poll_inside(item->file) & (asked | EPOLLERR | EPOLLHUP));
    }
    epoll_host_watch_locked(ep);
    int host_fd = ep->host_items ? ep->host_fd : -1;
    mutex_unlock(&ep->mu);
    if (host_fd >= 0 && p)
        poll_host(p, host_fd, EPOLLIN);
    else if (host_fd >= 0 && !ready)
        ready = poll_host_now(host_fd, EPOLLIN);
    return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

static int epoll_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 13, .ino = f->ino, .nlink = 1, .mode = 0600, .blksize = 4096
    };
    return 0;
}

static void epoll_release(struct file *f)
{
    struct epoll *ep = epoll_of(f);
    mutex_lock(&ep->mu);
    while (ep->items.root)
        remove_locked(ep, item_of(ep->items.root));
    mutex_unlock(&ep->mu);
    if (ep->host_fd >= 0)
        (void)host_call(close, (uint64_t)ep->host_fd);
    mem_free(ep->slots);
    mem_free(ep);
}

static const struct file_ops epoll_ops = {
    .kind = "anon_inode:[eventpoll]",
    .seek = file_seek_ignored,
    .stat = epoll_stat,
    .poll = epoll_poll,
    .release = epoll_release,
};

int epoll_create_file(struct file **out)
{
    struct epoll *ep = mem_zalloc(sizeof(*ep));
    if (!ep)
        return -ENOMEM;
    file_init(&ep->file, &epoll_ops, O_RDWR);
    ep->host_fd = ep->wake_fd = -1;
    list_init(&ep->ready);
    wait_queue_init(&ep->waiters);
    wait_queue_init(&ep->pollers);
    *out = &ep->file;
    return 0;
}

/* Hold an epoll that is not being released already. */
static bool try_get(struct file *f)
{
    uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);
    while (refs)
        if (__atomic_compare_exchange_n(&f->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

void epoll_forget(struct file *f)
{
    for (;;) {
        mutex_lock(&g_watchers_lock);
        struct epoll_item *item = f->watchers;
        struct epoll *ep = item ? item->ep : NULL;
        int fd = item ? item->fd : -1;
        bool held = ep && try_get(&ep->file);
        mutex_unlock(&g_watchers_lock);
        if (!ep)
            return;
        if (!held) { /* epoll_release is at work on the same item in another thread */
            (void)host_call(sched_yield, 0);
            continue;
        }
        mutex_lock(&ep->mu);
        item = find_locked(ep, f, fd);
        if (item)
            remove_locked(ep, item);
        mutex_unlock(&ep->mu);
        file_put(&ep->file);
    }
}
