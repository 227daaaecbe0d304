#ifndef LIBOS_IPC_PIPE_H
#define LIBOS_IPC_PIPE_H

/* Pipes and FIFOs, wholly in memory. */
#include <stdbool.h>
#include <stdint.h>

struct file;
struct iobuf;
struct pipe;

/* pipe2(2): flags are O_NONBLOCK, O_DIRECT (packets). Two new files. -ENOMEM. */
int pipe_create(uint32_t flags, struct file **read_end, struct file **write_end);

/* A FIFO's pipe lives as long as its inode (fs) and its open ends. Counted: pipe_new returns one
 * reference. */
struct pipe *pipe_new(void);
void pipe_get(struct pipe *p);
void pipe_put(struct pipe *p); /* NULL is fine */
/*
 * open(2) of a FIFO by its pipe: O_RDONLY waits for a writer, O_WRONLY for a reader, O_RDWR never.
 * -ENXIO: O_WRONLY | O_NONBLOCK without a reader; -ERESTARTSYS; -ENOMEM. The caller sets
 * (*out)->dentry.
 */
int pipe_open_fifo(struct pipe *p, uint32_t flags, struct file **out);

/* tee(2): copy what is in one pipe to another, and leave it. Bytes, 0 when nobody writes; -EINVAL,
 * -EBADF, -EAGAIN, -EPIPE. */
int64_t pipe_tee(struct file *in, struct file *out, uint64_t size, bool nonblock);

/* vmsplice(2): between a pipe and memory, what can be moved once something can. -EBADF: not a pipe;
 * -EAGAIN, -EPIPE, -ERESTARTSYS. */
int64_t pipe_vmsplice(struct file *f, struct iobuf *b, bool write, bool nonblock);

/* For splice(2) into a pipe: how many bytes can be put, after waiting until some can; of a pipe of the host's,
 * any number. -EAGAIN, -ERESTARTSYS. */
int64_t pipe_room(struct file *f);

/* F_GETPIPE_SZ, F_SETPIPE_SZ: the size, or -EBADF (not a pipe), -EBUSY, -EPERM, -EINVAL. */
int64_t pipe_get_size(struct file *f);
int64_t pipe_set_size(struct file *f, uint64_t size);

#endif
