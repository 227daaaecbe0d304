/*
 * cloister-host: builds the enclave, enters it, serves its calls. Trusted by no one: whatever it does
 * wrong, the enclave's measurement and the gate's checks catch. Read DESIGN §1 and host/README.md first.
 */
#include <stdio.h>

#include "host/direct.h"
#include "host/image.h"
#include "host/options.h"
#include "host/say.h"

int main(int argc, char **argv)
{
    struct options o;
    struct image image;
    struct plan plan;
    int ret = options_parse(argc, argv, &o);
    if (ret)
        return ret < 0 ? 0 : ret;
    image_open(o.image, &image);
    image_open_plan(o.plan_fd, &plan);
    if (o.mode == MODE_DIRECT)
        direct_run(&o, &image, &plan);
    host_fail("mode not built yet");
}
