/*
 * The parts of `run` without libraries: a plan from the cache, a quoting service that answers already. Whatever is
 * missing, cloister-tools does the whole command instead and leaves it there for the next time.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/file.h"
#include "attest/soft/state.h"
#include "attest/soft/unix_socket.h"
#include "cli/paths.h"
#include "cli/plan_cache.h"
#include "cli/run_parts.h"
#include "cli/term.h"
#include "lib/plan/plan.h"

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

int run_plan(const char *manifest, bool unsigned_manifest, uint8_t **plan, size_t *size)
{
    uint8_t *text;
    size_t text_size;
    int ret = file_read(manifest, PLAN_MAX, &text, &text_size);
    if (ret == 0) {
        struct plan_question q = { .manifest = manifest, .text = text, .text_size = text_size, .unsigned_manifest = unsigned_manifest };
        ret = plan_cache_find(&q, plan, size);
        free(text);
    }
    return ret ? run_hand_over() : 0;
}

int run_quoting_service(const char *state, char *socket, size_t size)
{
    char folder[SOFT_PATH_MAX];
    int ret = soft_state_dir(state, folder, sizeof(folder));
    if (ret == 0)
        ret = soft_path(folder, "aesm.socket", socket, size);
    int fd = ret ? ret : unix_connect(socket, 1000);
    if (fd < 0) {
        (void)run_hand_over();
        return -ENOENT;
    }
    close(fd);
    return 0;
}
