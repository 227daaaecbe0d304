/*
 * The parts of `run` without libraries: a plan from the cache, a quoting service that answers already. Whatever is
 * missing, cloister-tools does the whole command instead and leaves it there for the next time.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "attest/soft/service.h"
#include "attest/soft/state.h"
#include "attest/soft/unix_socket.h"
#include "cli/paths.h"
#include "cli/run_parts.h"
#include "cli/term.h"
#include "host/launcher.h"

static char **g_words;

void run_remember(char **argv)
{
    g_words = argv;
}

int run_hand_over(void)
{
    char tools[PATH_MAX];
    if (paths_find_named("cloister-tools", tools, sizeof(tools)))
        return term_error("cannot find the rest of Cloister: %s", tools);
    execv(tools, g_words);
    return term_error("cannot start the rest of Cloister: %s: %s", tools, strerror(errno));
}

int run_plan(const struct plan_question *q, struct plan_place *out)
{
    return plan_cache_find(q, out) ? run_hand_over() : 0;
}

int run_launcher(const char *program, int argc, char **argv)
{
    if (!program)
        return launcher_main(argc, argv);
    execvp(program, argv);
    return term_error("cannot start %s: %s", program, strerror(errno));
}

static int running_service(const char *state, const char *name, char *socket, size_t size)
{
    char folder[SOFT_PATH_MAX];
    int ret = soft_state_dir(state, folder, sizeof(folder));
    if (ret == 0)
        ret = soft_path(folder, name, socket, size);
    int fd = ret ? ret : unix_connect(socket, 1000);
    if (fd < 0) {
        (void)run_hand_over();
        return -ENOENT;
    }
    close(fd);
    return 0;
}

int run_quoting_service(const char *state, char *socket, size_t size)
{
    return running_service(state, SOFT_SOCKET, socket, size);
}

int run_dcap_ql_service(const char *state, char *socket, size_t size)
{
    return running_service(state, SOFT_DCAP_QL_SOCKET, socket, size);
}
