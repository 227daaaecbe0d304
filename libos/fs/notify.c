/*
 * Who watches what: objects (watched files) by their numbers, marks (watchers) on objects, and the
 * telling. The announcements of notify.h are in notify_announce.c.
 */
#include "libos/fs/notify.h"

#include "enclave/heap.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/host.h"
#include "libos/fs/notify_object.h"
#include "libos/fs/vfs.h"

#define BUCKETS    1024u
#define EVENT_BITS 12u

struct mutex g_notify_mu = MUTEX_INIT;
uint32_t g_notify_interest;
uint32_t g_notify_sides[2];
uint32_t g_notify_generation = 1;

static struct list g_objects[BUCKETS]; /* g_notify_mu; next is NULL until first used */
static uint32_t
    g_watched[2][EVENT_BITS]; /* g_notify_mu: marks that ask for this bit, inside and outside */

static struct list *bucket_locked(const struct notify_key *k)
{
    uint64_t h = (k->ino ^ k->dev << 32) * UINT64_C(0x9e3779b97f4a7c15);
    struct list *head = &g_objects[h >> 54];
    if (!head->next)
        list_init(head);
    return head;
}

struct notify_object *notify_lookup_locked(const struct notify_key *k)
{
    list_for_each (it, bucket_locked(k)) {
        struct notify_object *o = list_entry(it, struct notify_object, link);
        if (o->key.ino == k->ino && o->key.dev == k->dev && o->key.outside == k->outside)
            return o;
    }
    return NULL;
}

struct notify_object *notify_object_locked(struct notify_target *t)
{
    struct notify_object *o = notify_lookup_locked(&t->key);
    if (o)
        return o;
    o = mem_zalloc(sizeof(*o));
    if (!o)
        return NULL;
    o->key = t->key;
    o->pin = t->pin;
    t->pin = -1;
    list_init(&o->marks);
    list_push_front(bucket_locked(&o->key), &o->link);
    return o;
}

void notify_object_check_locked(struct notify_object *o)
{
    if (!o || !list_empty(&o->marks))
        return;
    list_remove(&o->link);
    if (o->pin >= 0)
        host_unpin(o->pin);
    mem_free(o);
}

/* Count a mark's bits up or down, and publish what is asked for. */
static void count_locked(const struct notify_mark *m, uint32_t mask, int by)
{
    bool outside = m->object->key.outside;
    uint32_t bits = 0;
    mask |= IN_DELETE_SELF; /* a removed file takes its marks along, whatever they ask for */
    for (unsigned i = 0; i < EVENT_BITS; i++) {
        if (mask >> i & 1)
            g_watched[outside][i] += (uint32_t)by;
        bits |= (uint32_t)(g_watched[outside][i] != 0) << i;
    }
    __atomic_store_n(&g_notify_sides[outside], bits, __ATOMIC_RELAXED);
    __atomic_store_n(&g_notify_interest, g_notify_sides[0] | g_notify_sides[1], __ATOMIC_RELAXED);
}

struct notify_mark *notify_find_locked(struct notify_object *o, const struct notify_mark_ops *ops,
                                       const void *owner)
{
    list_for_each (it, &o->marks) {
        struct notify_mark *m = list_entry(it, struct notify_mark, link);
        if (m->ops == ops && m->owner == owner)
            return m;
    }
    return NULL;
}

void notify_forget_answers(void)
{
    __atomic_fetch_add(&g_notify_generation, 1, __ATOMIC_RELAXED);
}

void notify_add_locked(struct notify_object *o, struct notify_mark *m)
{
    m->object = o;
    list_push_back(&o->marks, &m->link);
    count_locked(m, m->mask, 1);
    notify_forget_answers();
}

void notify_set_mask_locked(struct notify_mark *m, uint32_t mask)
{
    count_locked(m, m->mask, -1);
    m->mask = mask;
    count_locked(m, m->mask, 1);
}

void notify_remove_locked(struct notify_mark *m)
{
    count_locked(m, m->mask, -1);
    list_remove(&m->link);
}

struct notify_key notify_key_of_locked(const struct notify_object *o)
{
    return o->key;
}

/* The object may be without marks afterwards: the caller checks it when it is done with it. */
void notify_tell_locked(struct notify_object *o, const struct notify_event *e)
{
    list_for_each_safe (it, &o->marks) {
        struct notify_mark *m = list_entry(it, struct notify_mark, link);
        if (m->mask & e->mask & IN_ALL_EVENTS)
            m->ops->event(m, e);
    }
}

void notify_gone_locked(struct notify_object *o)
{
    notify_tell_locked(o, &(struct notify_event){ .mask = IN_DELETE_SELF });
    list_for_each_safe (it, &o->marks) {
        struct notify_mark *m = list_entry(it, struct notify_mark, link);
        notify_remove_locked(m);
        m->ops->gone(m);
    }
    notify_object_check_locked(o);
}

int notify_identify(struct inode *inode, struct linux_stat *st, struct notify_key *key)
{
    int r = inode->ops->identify ? inode->ops->identify(inode, st, NULL)
                                 : inode->ops->stat(inode, st);
    if (r == 0)
        *key = (struct notify_key){ st->dev, st->ino, inode->ops->whole_path };
    return r;
}

int notify_target(struct inode *inode, struct notify_target *out)
{
    struct linux_stat st;
    out->pin = -1;
    int r = inode->ops->identify ? inode->ops->identify(inode, &st, &out->pin)
                                 : inode->ops->stat(inode, &st);
    if (r == 0)
        out->key = (struct notify_key){ st.dev, st.ino, inode->ops->whole_path };
    return r;
}

void notify_target_drop(struct notify_target *t)
{
    if (t->pin >= 0)
        host_unpin(t->pin);
    t->pin = -1;
}
