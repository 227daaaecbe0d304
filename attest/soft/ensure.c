/*
 * Start the quoting service in the background when it is not there. The service itself sees to it
 * that only one serves a folder, so any number of callers may race here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/soft/service.h"
#include "attest/soft/state.h"
#include "attest/soft/unix_socket.h"

#define START_TRIES 500
#define START_STEP  20000 /* microseconds: ten seconds in all */

/* Nothing of the caller may stay open: a pipe held here would keep its reader waiting. */
static void detach_files(const char *folder, const char *name)
{
    char log[SOFT_PATH_MAX];
    int null = open("/dev/null", O_RDWR);
    int err = -1;
    if (soft_path(folder, name, log, sizeof(log)) == 0)
        err = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(null, 0);
    dup2(null, 1);
    dup2(err >= 0 ? err : null, 2);
    close_range(3, ~0u, 0);
}

static void background(const struct soft_service *given, const char *folder)
{
    struct soft_service o = *given;
    char why[512];
    umask(077);
    setsid();
    pid_t pid = fork();
    if (pid != 0)
        _exit(pid < 0 ? 1 : 0);
    detach_files(folder, o.dcap_ql ? "dcap-ql.log" : "service.log");
    if (chdir("/"))
        _exit(1);
    o.state = folder;
    o.idle_exit = SOFT_IDLE_EXIT;
    int ret = soft_service_run(&o, why, sizeof(why));
    if (ret && ret != -EALREADY)
        dprintf(2, "quoting service: %s: %s\n", folder, why[0] ? why : strerror(-ret));
    _exit(ret ? 1 : 0);
}

static int answers(const char *path)
{
    int fd = unix_connect(path, 1000);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int attest_soft_service_ensure(const char *state, char *socket, size_t size)
{
    return soft_service_ensure(&(struct soft_service){ .state = state }, socket, size);
}

int soft_service_ensure(const struct soft_service *o, char *socket, size_t size)
{
    char folder[SOFT_PATH_MAX];
    int ret = soft_state_dir(o->state, folder, sizeof(folder)), status;
    if (ret == 0)
        ret = soft_path(folder, o->dcap_ql ? SOFT_DCAP_QL_SOCKET : SOFT_SOCKET, socket, size);
    if (ret || answers(socket))
        return ret;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        background(o, folder);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < START_TRIES; i++) {
        if (answers(socket))
            return 0;
        usleep(START_STEP);
    }
    return -ETIMEDOUT;
}
