/*
 * One direction of a Unix connection: a bounded queue of messages between our own threads. See
 * unix.h.
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/poll.h"
#include "libos/net/unix.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"

#define READABLE (EPOLLIN | EPOLLRDNORM)
#define WRITABLE (EPOLLOUT | EPOLLWRNORM)

struct unix_half *unix_half_new(void)
{
    struct unix_half *h = mem_zalloc(sizeof(*h));
    if (!h)
        return NULL;
    h->refs = 1;
    h->peek_offset = -1;
    list_init(&h->messages);
    list_init(&h->full_for);
    list_init(&h->relay);
    wait_queue_init(&h->wait);
    wait_queue_init(&h->room);
    return h;
}

static void message_free(struct unix_message *m)
{
    if (m->passes && m->control) {
        mutex_lock(&g_passing_lock);
        unix_pass_end_locked(m->control);
        mutex_unlock(&g_passing_lock);
    }
    net_control_free(m->control);
    mem_free(m);
}

void unix_half_empty_locked(struct unix_half *h, struct list *to)
{
    while (!list_empty(&h->messages)) {
        struct list *first = h->messages.next;
        list_remove(first);
        list_push_back(to, first);
    }
    h->bytes = h->count = 0;
}

/*
 * A message may hold the last reference to a socket, whose queue holds others, and so on as deep as a program likes: what is
 * to be freed meanwhile goes to the end of the list that this thread is at already.
 */
void unix_messages_free(struct list *messages)
{
    struct thread *t = current();
    struct list *to = t->dropping ? t->dropping : messages;
    bool nested = t->dropping;
    t->dropping = to;
    while (!list_empty(messages)) {
        struct unix_message *m = list_entry(messages->next, struct unix_message, link);
        list_remove(&m->link);
        if (nested)
            list_push_back(to, &m->link);
        else
            message_free(m);
    }
    if (!nested)
        t->dropping = NULL;
}

void unix_half_put(struct unix_half *h)
{
    struct list rest;
    if (!h || !ref_put(&h->refs))
        return;
    list_init(&rest);
    unix_half_empty_locked(h, &rest);
    unix_messages_free(&rest);
    mem_free(h);
}

void unix_half_join(struct unix_half *a, struct unix_half *b)
{
    a->writer = unix_half_get(b);
    b->writer = unix_half_get(a);
}

void unix_half_unjoin(struct unix_half *h)
{
    mutex_lock(&h->mu);
    struct unix_half *writer = h->writer;
    h->writer = NULL;
    mutex_unlock(&h->mu);
    unix_half_put(writer);
}

static void tell_writers(struct unix_half *h, uint32_t events)
{
    mutex_lock(&h->mu);
    struct unix_half *writer = h->writer ? unix_half_get(h->writer) : NULL;
    while (
        !list_empty(&h->full_for)) { /* under the lock, so that they cannot be released meanwhile */
        struct unix_half *own = list_entry(h->full_for.next, struct unix_half, relay);
        list_remove(&own->relay);
        wake_all(&own->wait, events);
    }
    mutex_unlock(&h->mu);
    wake_all(&h->room, events);
    if (writer)
        wake_all(&writer->wait, events);
    unix_half_put(writer);
}

static bool has_room_locked(const struct unix_half *h, uint64_t size, bool whole)
{
    if (whole)
        return h->count == 0 ||
               (h->count < UNIX_QUEUE_MESSAGES && h->bytes + size <= UNIX_QUEUE_BYTES);
    return h->bytes < UNIX_QUEUE_BYTES;
}

bool unix_half_has_room(struct unix_half *h, uint64_t size, bool whole)
{
    mutex_lock(&h->mu);
    bool has = h->no_reader || has_room_locked(h, size, whole);
    mutex_unlock(&h->mu);
    return has;
}

bool unix_half_watch_room(struct unix_half *h, struct unix_half *own)
{
    if (own->relay_to != h) {
        unix_half_unwatch(own);
        own->relay_to = unix_half_get(h);
    }
    mutex_lock(&h->mu);
    /* A quarter used at most, as Linux counts a datagram socket writable. */
    bool room = h->no_reader || h->count == 0 ||
                (h->count < UNIX_QUEUE_MESSAGES && h->bytes <= UNIX_QUEUE_BYTES / 4);
    if (!room && list_empty(&own->relay))
        list_push_back(&h->full_for, &own->relay);
    mutex_unlock(&h->mu);
    return room;
}

void unix_half_unwatch(struct unix_half *own)
{
    struct unix_half *h = own->relay_to;
    if (!h)
        return;
    mutex_lock(&h->mu);
    list_remove(&own->relay);
    mutex_unlock(&h->mu);
    own->relay_to = NULL;
    unix_half_put(h);
}

/* Put m into the queue, if there is still room, and *control with it. */
static int64_t append(struct unix_half *h, struct unix_message *m, bool whole, struct net_control **control)
{
    if (m->passes)
        mutex_lock(&g_passing_lock);
    mutex_lock(&h->mu);
    int64_t r = h->no_reader ? -EPIPE : has_room_locked(h, m->size, whole) ? (int64_t)m->size : -EAGAIN;
    if (r >= 0) {
        m->control = *control;
        *control = NULL;
        list_push_back(&h->messages, &m->link);
        h->bytes += m->size;
        h->count++;
        if (m->passes)
            unix_pass_begin_locked(m->control);
    }
    mutex_unlock(&h->mu);
    if (m->passes)
        mutex_unlock(&g_passing_lock);
    return r;
}

int64_t unix_half_push(struct unix_half *h, struct iobuf *b, uint32_t size, bool whole,
                       struct net_control **control, const struct net_address *from,
                       const struct linux_ucred *cred)
{
    /* Look before copying: what follows may still find it full, and then nothing was taken from b.
     */
    mutex_lock(&h->mu);
    int64_t r = h->no_reader ? -EPIPE : has_room_locked(h, size, whole) ? 0 : -EAGAIN;
    mutex_unlock(&h->mu);
    if (r < 0)
        return r;
    struct unix_message *m = mem_alloc(sizeof(*m) + size);
    if (!m)
        return -ENOMEM;
    /* First, as it writes the structure's last padding, where the bytes begin. */
    *m = (struct unix_message){ .size = size, .passes = unix_pass_any(*control), .from = *from, .cred = *cred };
    struct iobuf ahead = *b;
    if (b->segments == b->inline_segments)
        ahead.segments = ahead.inline_segments;
    int64_t n = size ? iobuf_get(&ahead, m->bytes, size) : 0;
    if (n < (int64_t)size) { /* as Linux, which fills a message before it sends it */
        mem_free(m);
        return -EFAULT;
    }
    r = append(h, m, whole, control);
    if (r < 0) {
        mem_free(m);
        return r;
    }
    iobuf_advance(b, (uint64_t)n);
    wake_all(&h->wait, READABLE);
    return r;
}

static struct unix_message *first_locked(struct unix_half *h)
{
    return list_empty(&h->messages) ? NULL
                                    : list_entry(h->messages.next, struct unix_message, link);
}

/* A copy of the files for MSG_PEEK: both the queue and the receiver then hold them. */
static struct net_control *copy_control(const struct net_control *c)
{
    struct net_control *copy = net_control_new(c->file_count);
    if (!copy)
        return NULL;
    for (uint32_t i = 0; i < c->file_count; i++)
        copy->files[i] = file_get(c->files[i]);
    copy->file_count = c->file_count;
    copy->has_cred = c->has_cred;
    copy->cred = c->cred;
    return copy;
}

static int give_control(struct unix_message *m, struct net_message *out, bool peek, bool want_cred)
{
    if (!m->control && !want_cred)
        return 0;
    struct net_control *c = m->control;
    if (!c)
        c = net_control_new(0);
    else if (peek)
        c = copy_control(c);
    if (!c)
        return -ENOMEM;
    if (!peek) {
        if (m->passes)
            unix_pass_end_locked(c);
        m->control = NULL;
    }
    if (want_cred && !c->has_cred) {
        c->has_cred = true;
        c->cred = m->cred;
    }
    out->control = c;
    return 0;
}

/* May a stream read that began with `first` go on into this message? Not across descriptors or
 * other senders. */
static bool continues(const struct unix_message *m, const struct linux_ucred *first, bool want_cred)
{
    if (m->control)
        return false;
    return !want_cred ||
           (m->cred.pid == first->pid && m->cred.uid == first->uid && m->cred.gid == first->gid);
}

/* Where MSG_PEEK begins: the message at SO_PEEK_OFF and how far into it. NULL: the queue ends
 * before. An empty message stands where it stands: offset 0 finds it, as Linux does. */
static struct unix_message *peek_start_locked(struct unix_half *h, uint32_t *skip)
{
    uint64_t offset = h->peek_offset > 0 ? (uint64_t)h->peek_offset : 0;
    list_for_each (it, &h->messages) {
        struct unix_message *m = list_entry(it, struct unix_message, link);
        uint32_t left = m->size - m->taken;
        if (offset < left || offset == 0) {
            *skip = (uint32_t)offset;
            return m;
        }
        offset -= left;
    }
    return NULL;
}

/* SO_PEEK_OFF moves on with what is peeked at, and back with what is read. */
static void move_peek_offset_locked(struct unix_half *h, bool peek, uint32_t bytes)
{
    if (h->peek_offset < 0)
        return;
    if (peek)
        h->peek_offset = (int32_t)MIN((uint64_t)h->peek_offset + bytes, (uint64_t)INT32_MAX);
    else
        h->peek_offset -= (int32_t)MIN(bytes, (uint32_t)h->peek_offset);
}

static void take_locked(struct unix_half *h, struct unix_message *m, uint32_t bytes, bool whole,
                        struct list *done)
{
    m->taken += bytes;
    h->bytes -= whole ? m->size : bytes;
    if (!whole && m->taken < m->size)
        return;
    list_remove(&m->link);
    list_push_back(done, &m->link);
    h->count--;
}

static int64_t pull_stream_locked(struct unix_half *h, struct iobuf *b, struct net_message *out,
                                  bool want_cred, struct unix_message *from, uint32_t skip,
                                  struct list *done)
{
    bool peek = out->flags & MSG_PEEK;
    int64_t total = 0;
    struct list *it = &from->link;
    for (bool begun = false; it != &h->messages && (b->left || !begun); begun = true) {
        struct unix_message *m = list_entry(it, struct unix_message, link);
        it = it->next;
        if (begun && !continues(m, &from->cred, want_cred))
            break;
        uint32_t at = m->taken + skip, size = m->size - at;
        int64_t wanted = (int64_t)MIN(size, b->left);
        skip = 0;
        int64_t n = wanted ? iobuf_put(b, m->bytes + at, (uint64_t)wanted) : 0;
        if (n < wanted) /* the message stays, files and all */
            return total ? total : -EFAULT;
        int r = begun ? 0 : give_control(m, out, peek, want_cred);
        if (r < 0)
            return r;
        total += n;
        move_peek_offset_locked(h, peek, (uint32_t)n);
        if (!peek)
            take_locked(h, m, (uint32_t)n, false, done);
        if ((uint32_t)n < size)
            break;
    }
    return total;
}

static int64_t pull_message_locked(struct unix_half *h, struct iobuf *b, struct net_message *out,
                                   bool want_cred, struct unix_message *m, uint32_t skip,
                                   struct list *done)
{
    bool peek = out->flags & MSG_PEEK;
    uint32_t left = m->size - skip;
    uint64_t size = MIN(left, b->left);
    int64_t n = size ? iobuf_put(b, m->bytes + skip, size) : 0;
    if (n < (int64_t)size) { /* then the message is lost, as Linux's */
        if (!peek)
            take_locked(h, m, 0, true, done);
        return -EFAULT;
    }
    int r = give_control(m, out, peek, want_cred);
    if (r < 0)
        return r;
    out->name = m->from;
    if (size < left)
        out->out_flags |= MSG_TRUNC;
    move_peek_offset_locked(h, peek, peek ? (uint32_t)n : m->size);
    if (!peek)
        take_locked(h, m, 0, true, done);
    return out->flags & MSG_TRUNC ? (int64_t)left : n;
}

/* Lock h, and before it g_passing_lock if the message to be read brings sockets: they leave the queue with it. */
static struct unix_message *lock_and_find(struct unix_half *h, bool peek, uint32_t *skip, bool *passing)
{
    *passing = false;
    for (;;) {
        mutex_lock(&h->mu);
        struct unix_message *m = peek ? peek_start_locked(h, skip) : first_locked(h);
        if (!m || !m->passes || *passing)
            return m;
        mutex_unlock(&h->mu);
        mutex_lock(&g_passing_lock);
        *passing = true;
    }
}

int64_t unix_half_pull(struct unix_half *h, struct iobuf *b, bool stream, struct net_message *out,
                       bool want_cred)
{
    struct list done;
    int64_t r;
    bool passing;
    list_init(&done);
    uint32_t skip = 0;
    struct unix_message *m = lock_and_find(h, out->flags & MSG_PEEK, &skip, &passing);
    if (m) {
        r = stream ? pull_stream_locked(h, b, out, want_cred, m, skip, &done)
                   : pull_message_locked(h, b, out, want_cred, m, skip, &done);
    } else if (h->reset) {
        h->reset = false;
        r = -ECONNRESET;
    } else {
        r = h->no_writer || h->no_reader ? 0 : -EAGAIN;
    }
    mutex_unlock(&h->mu);
    if (passing)
        mutex_unlock(&g_passing_lock);
    bool freed = !list_empty(&done);
    unix_messages_free(&done);
    if (freed)
        tell_writers(h, WRITABLE);
    return r;
}

bool unix_half_can_push(struct unix_half *h)
{
    mutex_lock(&h->mu);
    /* A stream is announced writable when a quarter is used at most, as Linux does, so that writers
     * do not wake for crumbs. */
    bool can = h->no_reader || h->bytes <= UNIX_QUEUE_BYTES / 4;
    mutex_unlock(&h->mu);
    return can;
}

bool unix_half_can_pull(struct unix_half *h, bool peek)
{
    uint32_t skip;
    mutex_lock(&h->mu);
    bool has = peek ? peek_start_locked(h, &skip) != NULL : !list_empty(&h->messages);
    bool can = has || h->no_writer || h->no_reader || h->reset;
    mutex_unlock(&h->mu);
    return can;
}

void unix_half_set_peek_offset(struct unix_half *h, int32_t offset)
{
    mutex_lock(&h->mu);
    h->peek_offset = offset;
    mutex_unlock(&h->mu);
}

int32_t unix_half_peek_offset(struct unix_half *h)
{
    mutex_lock(&h->mu);
    int32_t offset = h->peek_offset;
    mutex_unlock(&h->mu);
    return offset;
}

void unix_half_close_reader(struct unix_half *h)
{
    struct list rest;
    list_init(&rest);
    mutex_lock(&h->mu);
    h->no_reader = true;
    unix_half_empty_locked(h, &rest);
    mutex_unlock(&h->mu);
    unix_messages_free(&rest);
    tell_writers(h, WRITABLE | EPOLLERR | EPOLLHUP);
    unix_half_unjoin(h);
    wake_all(&h->wait, READABLE | EPOLLRDHUP | EPOLLHUP);
}

void unix_half_shut_reader(struct unix_half *h)
{
    mutex_lock(&h->mu);
    h->no_reader = true;
    mutex_unlock(&h->mu);
    tell_writers(h, WRITABLE | EPOLLERR | EPOLLHUP);
    wake_all(&h->wait, READABLE | EPOLLRDHUP | EPOLLHUP);
}

void unix_half_close_writer(struct unix_half *h, bool reset)
{
    mutex_lock(&h->mu);
    h->no_writer = true;
    h->reset = h->reset || reset;
    mutex_unlock(&h->mu);
    wake_all(&h->wait, READABLE | EPOLLRDHUP | EPOLLHUP);
}
