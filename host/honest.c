/* The launcher as it should be. Its counterpart is hostile.c. */
#include "host/conduct.h"

#include "host/say.h"

void conduct_choose(const char *name)
{
    if (name)
        host_fail("this launcher does not lie: --lie %s is for cloister-host-hostile", name);
}

int64_t conduct_serve(struct host_thread *t, const struct hostcall_frame *f, serve_function *honest)
{
    return honest(t, f);
}

void conduct_before_enter(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
}
