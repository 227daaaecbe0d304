#ifndef LIBOS_FS_HOST_H
#define LIBOS_FS_HOST_H

/* Host directories and files: struct host_inode and struct host_file, open to libos/fs/host*.c and encrypted.c only. */
#include "libos/fs/file.h"
#include "libos/fs/trusted.h"
#include "libos/fs/vfs.h"

struct host_inode {
    struct inode inode;
    uint32_t length;
    char path[]; /* normalised host path */
};

static inline struct host_inode *host_inode(const struct inode *inode)
{
    return (struct host_inode *)inode;
}

struct host_file {
    struct file f;
    int fd;
    uint32_t type;            /* S_IFMT bits; 0: not asked yet */
    bool outside_position;    /* stdin and the like: others share the host's position */
    bool position_stale;      /* f.mu: after an append, the host's position counts */
    struct trusted *trusted;  /* NULL: content is the host's word */
    struct trusted_cache cache;
    struct host_attr *attr;   /* direct: what fstat said of a trusted file; NULL until asked, then constant */
    struct host_dir *dir;     /* f.mu: entries read ahead */
    const char *hidden_suffix; /* directories: names that end so are not listed */
};

struct plan_mount;

/* A path made of a mount's host prefix and the rest ("" for the root itself). */
int host_inode_new(const struct fs_ops *ops, struct mount *mount, const char *prefix, size_t prefix_length, const char *rest, size_t rest_length,
                   struct inode **out);
int host_mount(const struct plan_mount *plan, struct mount *m);

/* The trusted entry of a path whose content cannot change, or NULL. */
const struct plan_trusted *host_immutable(const char *path, size_t length);

/* Operations on names that encrypted mounts share. */
int host_lookup(struct inode *dir, const char *name, size_t length, struct inode **out);
/* Attributes from the host: what no file has is -EIO, or set right. */
int host_check_stat(struct linux_stat *st);
int host_stat(struct inode *inode, struct linux_stat *st);
int host_identify(struct inode *inode, struct linux_stat *st, int *pin);
/* A descriptor that identify gave. */
int host_pin_stat(int pin, struct linux_stat *st);
void host_unpin(int pin);
int host_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out);
int host_rmdir(struct inode *dir, const char *name, size_t length, struct inode *victim);
int host_readlink(struct inode *inode, char *buf, size_t size);
int host_utimens(struct inode *inode, const struct linux_timespec times[2]);
int host_statfs(struct inode *inode, struct linux_statfs *st);
int host_chown(struct inode *inode, uint32_t uid, uint32_t gid);
void host_free(struct inode *inode);
/* "dir/name" on the host. */
int host_join(const struct inode *dir, const char *name, char out[VFS_PATH_MAX]);

/* host_file.c: wrap an open host descriptor (taken). type 0: not known yet. */
int host_file_new(int fd, uint32_t type, uint32_t flags, struct dentry *d, struct host_file **out);
void host_file_free(struct host_file *h);
/* Find out what it is. S_IFMT bits or a negative errno. */
int host_file_settle(struct host_file *h);

/* host_dir.c */
int host_dir_getdents(struct file *f, struct dirent_sink *sink);
int64_t host_dir_seek(struct host_file *h, int64_t offset, int whence);
void host_dir_free(struct host_dir *dir);

/* host_stream.c: what is neither a regular file nor a directory. */
extern const struct file_ops host_stream_ops;

#endif
