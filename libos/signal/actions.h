#ifndef LIBOS_SIGNAL_ACTIONS_H
#define LIBOS_SIGNAL_ACTIONS_H

/* What Linux does by default, and the flags of rt_sigaction that we know (others read back as cleared, as on Linux). */
#include "lib/linux/signal.h"

enum action_default { ACTION_KILL, ACTION_IGNORE };

#define ACTION_FLAGS                                                                                                   \
    (LINUX_SA_NOCLDSTOP | LINUX_SA_NOCLDWAIT | LINUX_SA_SIGINFO | LINUX_SA_RESTORER | LINUX_SA_ONSTACK |               \
     LINUX_SA_RESTART | LINUX_SA_NODEFER | LINUX_SA_RESETHAND | LINUX_SA_EXPOSE_TAGBITS)

/* Stop signals are ignored: there is no job control and nobody to continue us. */
static inline enum action_default action_default(int sig)
{
    const uint64_t ignored = SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGSTOP) |
                             SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU);
    return ignored & SIGBIT(sig) ? ACTION_IGNORE : ACTION_KILL;
}

#endif
