/*
 * POSIX message queues as Linux's ipc/mqueue.c has them. A queue lives as long as its name or an
 * open file. A sender hands its message to the first receiver in the line, a receiver takes the
 * message of the first sender in the line into the room it made, so both are served in order of
 * arrival. Start reading at mq_send().
 */
#include "libos/ipc/mqueue.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/signal.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"

#define COUNT_HARD 65536 /* with CAP_SYS_RESOURCE: Linux's HARD_MSGMAX, HARD_MSGSIZEMAX */
#define SIZE_HARD  (16 << 20)
#define ENTRY_BYTES                                                                                \
    96 /* what Linux counts against RLIMIT_MSGQUEUE for each message besides its size */
#define STATUS_SIZE 80 /* the length stat() tells, whatever a read gives */
#define COOKIE_SIZE 32

/* The last byte of a cookie: why it was sent. */
enum { COOKIE_MESSAGE = 1, COOKIE_REMOVED = 2 };

struct notification {
    int32_t pid; /* 0: nobody is told */
    int32_t how, signo;
    uint64_t value;
    uint8_t cookie[COOKIE_SIZE];
    struct file *socket; /* counted */
};

struct mqueue {
    struct list link; /* g_names_lock; on g_queues while it has a name */
    uint32_t refs;
    uint64_t ino, bytes; /* constant; bytes: as counted against the limit */
    uint32_t uid, gid, mode;
    struct linux_timespec made;
    struct mq_attributes most; /* but for the count: constant */
    struct mutex mu;
    struct list messages;             /* mu; highest priority first */
    uint64_t held;                    /* mu; bytes of all messages */
    struct list receivers, senders;   /* mu; struct sleeper */
    struct notification notification; /* mu */
    struct wait_queue wait;           /* poll */
    char name[MQ_NAME_MAX + 1];
};

struct open_queue {
    struct file file;
    struct mqueue *queue; /* counted */
};

struct sleeper {
    struct list link;
    struct mq_message *m;
    bool done;
    struct thread_block *thread;
};

static struct mutex g_names_lock = MUTEX_INIT;
static struct list g_queues = LIST_INIT(g_queues); /* g_names_lock */
static uint32_t g_count;                           /* g_names_lock: queues, named or not */
static uint64_t g_bytes;                           /* g_names_lock: of them all */

static struct mqueue *queue_of(const struct file *f)
{
    return container_of(f, struct open_queue, file)->queue;
}

struct mq_message *mq_message_new(uint64_t size)
{
    struct mq_message *m = mem_alloc(sizeof(*m) + size);
    if (m)
        m->size = size;
    return m;
}

static void queue_put(struct mqueue *q)
{
    if (!ref_put(&q->refs))
        return;
    mutex_lock(&g_names_lock);
    g_count--;
    g_bytes -= q->bytes;
    mutex_unlock(&g_names_lock);
    list_for_each_safe (it, &q->messages)
        mem_free(list_entry(it, struct mq_message, link));
    mem_free(q);
}

/* ---- telling */

/* Whom to tell is told once: it is the caller's now, who holds mu. */
static struct notification take_notification_locked(struct mqueue *q)
{
    struct notification n = q->notification;
    q->notification = (struct notification){ 0 };
    return n;
}

/* With mu dropped. */
static void tell(struct notification *n, uint8_t why)
{
    const struct process *self = current()->process;
    if (n->socket) {
        n->cookie[COOKIE_SIZE - 1] = why;
        netlink_deliver(n->socket, n->cookie, COOKIE_SIZE);
        file_put(n->socket);
    } else if (n->pid && n->how == LINUX_SIGEV_SIGNAL && n->signo && why == COOKIE_MESSAGE) {
        struct linux_siginfo info = { .signo = n->signo, .code = LINUX_SI_MESGQ };
        info.u.rt.pid = self->pid;
        info.u.rt.uid = self->cred.uid;
        info.u.rt.value = n->value;
        struct process *p = process_find(n->pid);
        if (p)
            signal_send_process(p, n->signo, &info);
        process_put(p);
    }
}

static void forget_notification(struct mqueue *q, int32_t pid)
{
    struct notification n = { 0 };
    mutex_lock(&q->mu);
    if (q->notification.pid == pid)
        n = take_notification_locked(q);
    mutex_unlock(&q->mu);
    tell(&n, COOKIE_REMOVED);
}

int mq_notify(struct file *f, const struct linux_sigevent *event, const uint8_t *cookie,
              struct file *socket)
{
    struct mqueue *q = queue_of(f);
    int32_t pid = current()->process->pid;
    if (!event) {
        forget_notification(q, pid);
        return 0;
    }
    mutex_lock(&q->mu);
    int r = q->notification.pid ? -EBUSY : 0;
    if (r == 0) {
        q->notification = (struct notification){ .pid = pid,
                                                 .how = event->notify,
                                                 .signo = event->signo,
                                                 .value = event->value,
                                                 .socket = socket };
        if (socket)
            memcpy(q->notification.cookie, cookie, COOKIE_SIZE);
    }
    mutex_unlock(&q->mu);
    return r;
}

/* ---- sending and receiving */

/* In the line until served; mu is dropped meanwhile. */
static int wait_locked(struct file *f, struct list *line, struct sleeper *s, int64_t deadline)
{
    struct mqueue *q = queue_of(f);
    int r = 0;
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    s->thread = thread_block();
    list_push_back(line, &s->link);
    while (!s->done && r == 0) {
        mutex_unlock(&q->mu);
        r = wait_sleep(deadline);
        mutex_lock(&q->mu);
    }
    if (s->done)
        return 0;
    list_remove(&s->link);
    return r == -EINTR ? -ERESTARTSYS : r;
}

/* The first in the line, which is served now; NULL: nobody waits. */
static struct sleeper *serve_first_locked(struct list *line)
{
    if (list_empty(line))
        return NULL;
    struct sleeper *s = list_entry(line->next, struct sleeper, link);
    list_remove(&s->link);
    s->done = true;
    return s;
}

/* Behind those of its own priority. */
static void insert_locked(struct mqueue *q, struct mq_message *m)
{
    struct list *before = q->messages.prev;
    while (before != &q->messages &&
           list_entry(before, struct mq_message, link)->priority < m->priority)
        before = before->prev;
    list_insert_between(&m->link, before, before->next);
    q->most.count++;
    q->held += m->size;
}

int mq_send(struct file *f, struct mq_message *m, int64_t deadline)
{
    struct mqueue *q = queue_of(f);
    struct notification n = { 0 };
    struct sleeper me = { .m = m };
    mutex_lock(&q->mu);
    if (q->most.count == q->most.count_most) {
        int r = wait_locked(f, &q->senders, &me, deadline);
        mutex_unlock(&q->mu);
        return r;
    }
    struct sleeper *receiver = serve_first_locked(&q->receivers);
    if (receiver) {
        receiver->m = m;
        unpark(receiver->thread);
    } else {
        insert_locked(q, m);
        if (q->most.count == 1)
            n = take_notification_locked(q);
    }
    mutex_unlock(&q->mu);
    if (!receiver)
        wake_all(&q->wait, EPOLLIN | EPOLLRDNORM);
    tell(&n, COOKIE_MESSAGE);
    return 0;
}

int mq_receive(struct file *f, int64_t deadline, struct mq_message **out)
{
    struct mqueue *q = queue_of(f);
    struct sleeper me = { 0 };
    mutex_lock(&q->mu);
    if (q->most.count == 0) {
        int r = wait_locked(f, &q->receivers, &me, deadline);
        *out = me.m;
        mutex_unlock(&q->mu);
        return r;
    }
    *out = list_entry(q->messages.next, struct mq_message, link);
    list_remove(&(*out)->link);
    q->most.count--;
    q->held -= (*out)->size;
    struct sleeper *sender = serve_first_locked(&q->senders);
    if (sender) {
        insert_locked(q, sender->m);
        unpark(sender->thread);
    }
    mutex_unlock(&q->mu);
    wake_all(&q->wait, EPOLLOUT | EPOLLWRNORM);
    return 0;
}

void mq_attributes(struct file *f, struct mq_attributes *out)
{
    struct mqueue *q = queue_of(f);
    mutex_lock(&q->mu);
    *out = q->most;
    mutex_unlock(&q->mu);
}

/* ---- the file */

static int64_t mq_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct mqueue *q = queue_of(f);
    char text[128];
    mutex_lock(&q->mu);
    const struct notification *n = &q->notification;
    size_t size = fmt_print(text, sizeof(text),
                            "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                            (unsigned long)q->held, n->pid ? n->how : 0,
                            n->pid && n->how == LINUX_SIGEV_SIGNAL ? n->signo : 0, n->pid);
    mutex_unlock(&q->mu);
    if (*pos >= (int64_t)size)
        return 0;
    int64_t moved = iobuf_put(b, text + *pos, MIN(size - (size_t)*pos, b->left));
    *pos += MAX(moved, 0);
    return moved;
}

static int64_t mq_seek(struct file *f, int64_t offset, int whence)
{
    return file_seek_in(f, offset, whence, STATUS_SIZE);
}

static void fill_stat(const struct mqueue *q, struct linux_stat *st)
{
    *st = (struct linux_stat){ .dev = 19,
                               .ino = q->ino,
                               .nlink = !list_empty(&q->link),
                               .mode = S_IFREG | q->mode,
                               .uid = q->uid,
                               .gid = q->gid,
                               .size = STATUS_SIZE,
                               .blksize = 4096,
                               .atime = q->made,
                               .mtime = q->made,
                               .ctime = q->made };
}

static int mq_stat(struct file *f, struct linux_stat *st)
{
    fill_stat(queue_of(f), st);
    return 0;
}

static uint32_t mq_poll(struct file *f, struct poll *p)
{
    struct mqueue *q = queue_of(f);
    poll_wait(p, &q->wait);
    mutex_lock(&q->mu);
    uint32_t events = q->most.count ? EPOLLIN | EPOLLRDNORM : 0;
    if (q->most.count < q->most.count_most)
        events |= EPOLLOUT | EPOLLWRNORM;
    mutex_unlock(&q->mu);
    return events;
}

/* Whoever closes it is not told any more. */
static int mq_flush(struct file *f)
{
    forget_notification(queue_of(f), current()->process->pid);
    return 0;
}

static void mq_release(struct file *f)
{
    struct open_queue *o = container_of(f, struct open_queue, file);
    queue_put(o->queue);
    mem_free(o);
}

static const struct file_ops mq_ops = { .kind = "mqueue",
                                        .read = mq_read,
                                        .seek = mq_seek,
                                        .stat = mq_stat,
                                        .poll = mq_poll,
                                        .flush = mq_flush,
                                        .release = mq_release };

bool mq_is_queue(const struct file *f)
{
    return f->ops == &mq_ops;
}

/* ---- names */

static struct mqueue *find_locked(const char *name)
{
    list_for_each (it, &g_queues) {
        struct mqueue *q = list_entry(it, struct mqueue, link);
        if (str_equal(q->name, name))
            return q;
    }
    return NULL;
}

static int check_wanted(const struct mq_attributes *w, const struct mq_opener *who, uint64_t *bytes)
{
    int64_t count_limit = who->may_exceed ? COUNT_HARD : MQ_COUNT_MOST;
    int64_t size_limit = who->may_exceed ? SIZE_HARD : MQ_SIZE_MOST;
    if (g_count >= MQ_QUEUES_MOST && !who->may_exceed)
        return -ENOSPC;
    if (w->count_most <= 0 || w->size_most <= 0 || w->count_most > count_limit ||
        w->size_most > size_limit)
        return -EINVAL;
    *bytes = (uint64_t)w->count_most * (uint64_t)(w->size_most + ENTRY_BYTES);
    return g_bytes + *bytes > who->bytes_limit ? -EMFILE : 0;
}

static int create_locked(const char *name, uint32_t mode, const struct mq_attributes *wanted,
                         const struct mq_opener *who, struct mqueue **out)
{
    uint64_t bytes;
    int err = check_wanted(wanted, who, &bytes);
    if (err)
        return err;
    struct mqueue *q = mem_zalloc(sizeof(*q));
    if (!q)
        return -ENOMEM;
    int64_t now = clock_realtime();
    q->refs = 1; /* the name's */
    q->bytes = bytes;
    q->uid = who->uid;
    q->gid = who->gid;
    q->mode = mode & 07777;
    q->made = (struct linux_timespec){ now / NSEC_PER_SEC, now % NSEC_PER_SEC };
    q->most = (struct mq_attributes){ .count_most = wanted->count_most,
                                      .size_most = wanted->size_most };
    list_init(&q->messages);
    list_init(&q->receivers);
    list_init(&q->senders);
    wait_queue_init(&q->wait);
    memcpy(q->name, name, str_length(name, MQ_NAME_MAX) + 1);
    list_push_back(&g_queues, &q->link);
    g_count++;
    g_bytes += bytes;
    *out = q;
    return 0;
}

static int find_or_create_locked(const char *name, uint32_t flags, uint32_t mode,
                                 const struct mq_attributes *wanted, const struct mq_opener *who,
                                 struct mqueue **out)
{
    *out = find_locked(name);
    if (!*out)
        return flags & O_CREAT ? create_locked(name, mode, wanted, who, out) : -ENOENT;
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    return (flags & O_ACCMODE) == O_ACCMODE ? -EINVAL : 0;
}

static void open_locked(struct open_queue *o, struct mqueue *q, uint32_t flags)
{
    file_init(&o->file, &mq_ops, flags & (O_ACCMODE | O_NONBLOCK));
    if (!q->ino) /* new: the first file's number is its own */
        q->ino = o->file.ino;
    o->file.ino = q->ino;
    o->file.seekable = true;
    o->queue = q;
    ref_get(&q->refs);
}

int mq_open(const char *name, uint32_t flags, uint32_t mode, const struct mq_attributes *wanted,
            const struct mq_opener *who, struct file **out)
{
    static const struct mq_attributes usual = { .count_most = MQ_COUNT_MOST,
                                                .size_most = MQ_SIZE_MOST };
    struct open_queue *o = mem_zalloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    mutex_lock(&g_names_lock);
    int r = find_or_create_locked(name, flags, mode, wanted ? wanted : &usual, who, &o->queue);
    if (r == 0)
        open_locked(o, o->queue, flags);
    mutex_unlock(&g_names_lock);
    if (r) {
        mem_free(o);
        return r;
    }
    *out = &o->file;
    return 0;
}

int mq_unlink(const char *name)
{
    mutex_lock(&g_names_lock);
    struct mqueue *q = find_locked(name);
    if (q)
        list_remove(&q->link);
    mutex_unlock(&g_names_lock);
    if (!q)
        return -ENOENT;
    queue_put(q);
    return 0;
}

/* ---- the names as a directory */

static struct mqueue *find_number_locked(uint64_t number)
{
    list_for_each (it, &g_queues) { /* in the order of their numbers */
        struct mqueue *q = list_entry(it, struct mqueue, link);
        if (q->ino >= number)
            return q;
    }
    return NULL;
}

int mq_find(const char *name, size_t length, uint64_t *number)
{
    char whole[MQ_NAME_MAX + 1];
    if (length > MQ_NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(whole, name, length);
    whole[length] = 0;
    mutex_lock(&g_names_lock);
    const struct mqueue *q = find_locked(whole);
    *number = q ? q->ino : 0;
    mutex_unlock(&g_names_lock);
    return q ? 0 : -ENOENT;
}

int mq_next(uint64_t *number, char name[MQ_NAME_MAX + 1])
{
    mutex_lock(&g_names_lock);
    const struct mqueue *q = find_number_locked(*number);
    if (q) {
        *number = q->ino;
        memcpy(name, q->name, sizeof(q->name));
    }
    mutex_unlock(&g_names_lock);
    return q != NULL;
}

int mq_stat_number(uint64_t number, struct linux_stat *st)
{
    mutex_lock(&g_names_lock);
    const struct mqueue *q = find_number_locked(number);
    bool found = q && q->ino == number;
    if (found)
        fill_stat(q, st);
    mutex_unlock(&g_names_lock);
    return found ? 0 : -ENOENT;
}

int mq_open_number(uint64_t number, uint32_t flags, struct file **out)
{
    struct open_queue *o = mem_zalloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    mutex_lock(&g_names_lock);
    struct mqueue *q = find_number_locked(number);
    bool found = q && q->ino == number;
    if (found)
        open_locked(o, q, flags);
    mutex_unlock(&g_names_lock);
    if (!found) {
        mem_free(o);
        return -ENOENT;
    }
    *out = &o->file;
    return 0;
}
