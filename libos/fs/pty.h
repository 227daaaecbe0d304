#ifndef LIBOS_FS_PTY_H
#define LIBOS_FS_PTY_H

/*
 * Pseudo-terminals: pairs of files with a line discipline between them, all in our memory. struct pty is open to pty*.c only:
 * pty.c (the pairs, /dev/ptmx, /dev/pts), pty_file.c (open ends), pty_line.c (discipline), pty_ioctl.c (requests, job control).
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/list.h"
#include "lib/linux/termios.h"
#include "libos/fs/file.h"
#include "libos/ipc/ring.h"
#include "libos/ipc/wait.h"

struct pseudo_id;

#define PTY_INPUT  4096u  /* Linux's N_TTY_BUF_SIZE */
#define PTY_OUTPUT 65536u

enum pty_mark { MARK_NONE, MARK_LINE, MARK_EOF };

struct pty {
    struct list link; /* g_ptys_mu */
    uint32_t refs;
    uint32_t index;   /* constant: /dev/pts/INDEX */
    struct mutex mu;  /* all that follows */
    struct linux_termios t;
    struct linux_winsize size;
    /* What was typed: [tail, line) are lines to be read, [line, head) is being edited; without ICANON all is to be read. */
    uint32_t tail, line, head; /* count on; modulo PTY_INPUT they are places */
    uint8_t input[PTY_INPUT], mark[PTY_INPUT];
    struct ring output;        /* to the master */
    uint32_t column, line_column; /* of the cursor, and where the line being edited began */
    bool literal, erasing;     /* after VLNEXT; in the middle of ECHOPRT's \.../ */
    bool stopped, locked, packet, exclusive, hung_up, master_open;
    bool other_closed;         /* the last slave was closed */
    bool changed;              /* somebody may be waiting for this */
    uint8_t status;            /* packet mode: what to tell */
    uint32_t slaves;
    int32_t session, foreground; /* 0: nobody's controlling terminal */
    uint64_t signals;          /* for the foreground group once mu is dropped */
    struct wait_queue slave_wait, master_wait;
};

/* ---- pty.c */
extern struct mutex g_ptys_mu;
extern struct list g_ptys; /* g_ptys_mu */

int pty_open_end(struct pty *p, struct dentry *d, uint32_t flags, struct file **out); /* the slave's */
/* pts/INDEX below the root of the file system that the master was opened in. */
int pts_dentry(struct dentry *root, uint32_t index, struct dentry **out);
void pty_signal_group(int32_t group, uint64_t signals); /* 0: nobody */
struct pty *pty_find(uint32_t index); /* whose master is open; counted, or NULL */
struct pty *pty_next(uint32_t index); /* the same at or after index */
void pty_put(struct pty *p);

/* Unlock, send the signals that came up and, if something changed, wake both sides. */
void pty_unlock(struct pty *p);

/* ---- pty_file.c */
struct file *pty_new_end(struct pty *p, bool master, struct dentry *d, uint32_t flags);
struct pty *pty_of(struct file *f, bool *master);

/* ---- pty_line.c: mu held */
void line_reset(struct pty *p);
bool line_accepts(const struct pty *p);             /* may the master write? */
void line_type(struct pty *p, uint8_t c);           /* one byte from the master */
bool line_print(struct pty *p, uint8_t c);          /* one byte from the slave; false: no room */
bool line_readable(const struct pty *p);            /* something for the slave */
uint32_t line_waiting(const struct pty *p);         /* bytes that a read would find */
int64_t line_read(struct pty *p, struct iobuf *b);  /* what is there; 0 also for end of file */
void line_set_termios(struct pty *p, const struct linux_termios *t);
void line_flush_input(struct pty *p);
void line_flush_output(struct pty *p);
void line_stop(struct pty *p, bool stop);

/* ---- pty_ioctl.c */
int64_t pty_ioctl(struct file *f, uint32_t command, uint64_t arg);
/* The calling process uses its controlling terminal from the background: 0 (go on), -EIO, -ERESTARTSYS (sig was sent). mu held. */
int pty_check_job(struct pty *p, int sig);
/* A session leader without a terminal opened one. */
void pty_maybe_control(struct pty *p);
/* The master is closed: the session loses its terminal. */
void pty_hang_up(struct pty *p);

#endif
