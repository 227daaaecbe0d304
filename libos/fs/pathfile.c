/*
 * O_PATH: only stat, dup, close and use as the start of a walk are possible; the rest says -EBADF.
 */
#include "libos/fs/pathfile.h"

#include "enclave/heap.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/vfs.h"

static void pathfile_release(struct file *f)
{
    mem_free(f);
}

static int64_t pathfile_seek(struct file *f, int64_t offset, int whence)
{
    return -EBADF;
}

static const struct file_ops pathfile_ops = {
    .kind = "path",
    .seek = pathfile_seek,
    .release = pathfile_release,
};

int pathfile_open(struct dentry *d, uint32_t flags, struct file **out)
{
    int type = inode_type(d->inode);
    if (type < 0)
        return type;
    if ((flags & O_DIRECTORY) && type != S_IFDIR)
        return -ENOTDIR;
    struct file *f = mem_alloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    file_init(f, &pathfile_ops, flags);
    f->dentry = dentry_get(d);
    *out = f;
    return 0;
}
