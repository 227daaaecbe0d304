/*
 * Named pipes over the pipes of libos/ipc.
 */
#include "libos/fs/fifo.h"

#include "lib/linux/errno.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/pipe.h"

static struct mutex g_fifo_mu = MUTEX_INIT; /* creation of the pipe in a slot */

int fifo_open(void **slot, struct dentry *d, uint32_t flags, struct file **out)
{
    mutex_lock(&g_fifo_mu);
    if (!*slot)
        *slot = pipe_new();
    struct pipe *p = *slot;
    if (p)
        pipe_get(p);
    mutex_unlock(&g_fifo_mu);
    if (!p)
        return -ENOMEM;
    int r = pipe_open_fifo(p, flags, out);
    pipe_put(p);
    if (r == 0)
        (*out)->dentry = dentry_get(d);
    return r;
}

void fifo_free(void *slot)
{
    pipe_put(slot);
}
