#ifndef LIBOS_IPC_SIGPIPE_H
#define LIBOS_IPC_SIGPIPE_H

/* Send SIGPIPE to the calling thread, as writes to a broken pipe or socket do. Returns -EPIPE. */
int sigpipe_raise(void);

#endif
