/*
 * Listing host directories. Entries come from the host in blocks and are its word: lengths are checked
 * here, names with a '/' or a NUL in them are dropped, so that a host cannot make a path out of a name.
 */
#include "enclave/cpu.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"
#include "lib/linux/dirent.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dirfile.h"
#include "libos/fs/host.h"
#include "libos/fs/nodes.h"

#define BLOCK   32768u
#define DT_MOST 12 /* DT_SOCK */

struct host_dir {
    uint32_t at, end;
    bool done;
    int64_t pinned; /* position among what is ours, once the host's entries are through: mount points, then nodes */
    _Alignas(8) uint8_t block[BLOCK];
};

static bool name_ok(const struct host_file *h, const char *name, size_t length)
{
    size_t hidden = h->hidden_suffix ? str_length(h->hidden_suffix, VFS_NAME_MAX) : 0;
    if (hidden && length >= hidden && memcmp(name + length - hidden, h->hidden_suffix, hidden) == 0)
        return false;
    if (length == 0 || length > VFS_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/')
            return false;
    return true;
}

static bool is_pinned(int64_t position)
{
    return position >= DIRFILE_PINNED && position < DIRFILE_PINNED + INT32_MAX;
}

/* Emit what the block holds. 0: all; negative: from the sink, or -EIO for a block that is no list of entries. */
static int emit_block(struct file *f, struct host_dir *dir, struct dirent_sink *sink)
{
    while (dir->at < dir->end) {
        struct linux_dirent64 entry;
        uint32_t left = dir->end - dir->at;
        if (left < LINUX_DIRENT64_NAME + 1u)
            return -EIO;
        memcpy(&entry, dir->block + dir->at, LINUX_DIRENT64_NAME);
        if (entry.size < LINUX_DIRENT64_NAME + 1u || entry.size > left)
            return -EIO;
        cpu_speculation_barrier();
        /* host may name a position that is one of ours: among the pinned children, or before the start */
        if (entry.next < 0 || is_pinned(entry.next))
            return -EIO;
        if (entry.type > DT_MOST || (entry.type & 1 && entry.type != 1)) /* the file types of stat, >> 12 */
            entry.type = 0;
        const char *name = (const char *)dir->block + dir->at + LINUX_DIRENT64_NAME;
        size_t length = str_length(name, entry.size - LINUX_DIRENT64_NAME);
        if (length < entry.size - (size_t)LINUX_DIRENT64_NAME && name_ok(container_of(f, struct host_file, f), name, length)) {
            int r = sink->emit(sink, name, length, entry.ino, entry.type, entry.next);
            if (r < 0)
                return r;
        }
        dir->at += entry.size;
        f->pos = entry.next;
    }
    return 0;
}

int host_dir_getdents(struct file *f, struct dirent_sink *sink)
{
    struct host_file *h = container_of(f, struct host_file, f);
    if (!h->dir) {
        int type = host_file_settle(h);
        if (type < 0 || type != S_IFDIR)
            return type < 0 ? type : -ENOTDIR;
        h->dir = mem_alloc(sizeof(*h->dir));
        if (!h->dir)
            return -ENOMEM;
        h->dir->at = h->dir->end = 0;
        h->dir->done = false;
        h->dir->pinned = DIRFILE_PINNED;
    }
    struct host_dir *dir = h->dir;
    struct dirfile_filter filter;
    struct dirent_sink *to = dirfile_filter_init(&filter, f->dentry, sink);
    while (!dir->done) {
        int r = emit_block(f, dir, to);
        if (r < 0)
            return r;
        int64_t n = host_call(getdents64, (uint64_t)h->fd, PTR(dir->block), MIN(BLOCK, gate_transfer_max()));
        if (n < 0)
            return (int)n;
        dir->at = 0;
        dir->end = (uint32_t)n;
        dir->done = n == 0;
    }
    int r = dir->pinned < NODES_FIRST ? dirfile_emit_pinned(f->dentry, sink, &dir->pinned) : 0;
    if (r < 0)
        return r;
    dir->pinned = MAX(dir->pinned, NODES_FIRST);
    return nodes_emit(h->fd, sink, &dir->pinned);
}

int64_t host_dir_seek(struct host_file *h, int64_t offset, int whence)
{
    struct host_dir *dir = h->dir;
    if (whence == SEEK_CUR && offset == 0)
        return dir && dir->done ? dir->pinned : h->f.pos;
    if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    if (whence == SEEK_CUR && !checked_add(offset, h->f.pos, &offset)) /* the position is the host's word */
        return -EOVERFLOW;
    if (offset < 0)
        return -EINVAL;
    bool pinned = is_pinned(offset);
    if (!pinned) {
        int64_t r = host_call(lseek, (uint64_t)h->fd, (uint64_t)offset, SEEK_SET);
        if (r < 0)
            return r;
    }
    if (dir) {
        dir->at = dir->end = 0;
        dir->done = pinned;
        dir->pinned = pinned ? offset : DIRFILE_PINNED;
    }
    h->f.pos = offset;
    return offset;
}

void host_dir_free(struct host_dir *dir)
{
    mem_free(dir);
}
