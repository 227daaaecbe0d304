/*
 * Writes the smallest valid plan to a file, for tests of the launcher.
 * usage: make_plan FILE ENCLAVE_SIZE THREADS FLAGS HOST_SIGNALS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/plan/plan.h"

struct small_plan {
    struct plan_header h;
    struct plan_mount root;
    char slash[8];
};

int main(int argc, char **argv)
{
    static struct small_plan p;
    struct plan_str slash = { offsetof(struct small_plan, slash), 1 };
    struct plan_str empty = { offsetof(struct small_plan, slash) + 1, 0 };
    if (argc != 6)
        return 2;
    memcpy(p.slash, "/", 2);
    p.root = (struct plan_mount){ .type = PLAN_MOUNT_HOST, .path = slash, .host = slash, .key = empty };
    p.h = (struct plan_header){
        .magic = PLAN_MAGIC, .version = PLAN_VERSION, .size = sizeof(p),
        .flags = (uint32_t)strtoul(argv[4], NULL, 0), .log_level = PLAN_LOG_ERROR,
        .enclave_size = strtoull(argv[2], NULL, 0), .max_threads = (uint32_t)strtoul(argv[3], NULL, 0),
        .attributes_flags = 4, .attributes_xfrm = 3, .attributes_xfrm_mask = UINT64_C(0xfffffffffff9ff1b),
        .misc_mask = UINT32_MAX, .fds_limit = 100, .stack_size = 65536, .brk_max = 65536,
        .host_signals = strtoull(argv[5], NULL, 0),
        .entrypoint = slash, .start_dir = slash, .log_file = empty, .verity_file = empty,
        .mounts = { offsetof(struct small_plan, root), 1 },
    };
    if (p.h.flags & PLAN_DEBUG)
        p.h.attributes_flags |= 2;
    if (p.h.flags & PLAN_EXINFO)
        p.h.misc_select = 1;
    FILE *f = fopen(argv[1], "wb");
    return !f || fwrite(&p, sizeof(p), 1, f) != 1 || fclose(f);
}
