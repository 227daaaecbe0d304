/* SIGPIPE: apart from pipes and sockets so that they can be tested without processes. */
#include "libos/ipc/sigpipe.h"

#include "lib/linux/errno.h"
#include "lib/linux/signal.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"

int sigpipe_raise(void)
{
    (void)signal_send_thread(current(), SIGPIPE, NULL);
    return -EPIPE;
}
