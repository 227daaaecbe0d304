/* Print an enclave's layout. Scripts grep the words and the last line; see cli/layout_print.h. */
#include "cli/layout_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/str.h"
#include "lib/plan/plan.h"
#include "lib/sgx/arch.h"

static const char *area_name(const struct layout *l, const struct layout_run *run)
{
    if (run->address >= l->plan)
        return "manifest";
    if (run->address >= l->image)
        return run->secinfo & SECINFO_X ? "code" : "data";
    if (run->address < l->threads)
        return "free";
    if ((run->secinfo & SECINFO_TYPE) == SECINFO_TCS)
        return "tcs";
    if (!run->measured)
        return "stack";
    return run->content ? "tls" : "ssa";
}

static int print_run(void *arg, const struct layout_run *run)
{
    bool tcs = (run->secinfo & SECINFO_TYPE) == SECINFO_TCS;
    printf("    %016" PRIx64 "-%016" PRIx64 " [%s:%c%c%c] (%s)%s\n", run->address,
           run->address + run->size, tcs ? "TCS" : "REG", run->secinfo & SECINFO_R ? 'R' : '-',
           run->secinfo & SECINFO_W ? 'W' : '-', run->secinfo & SECINFO_X ? 'X' : '-',
           area_name(arg, run), run->measured ? " measured" : "");
    return 0;
}

int layout_print(const struct layout *l, const struct image_file *image, const struct plan *plan,
                 const uint8_t mrenclave[32])
{
    struct layout shown = *l;
    char hex[65];
    uint8_t *scratch = aligned_alloc(4096, LAYOUT_SCRATCH);
    if (!scratch)
        return -ENOMEM;
    printf("Attributes (required for enclave measurement):\n    size:        0x%" PRIx64
           "\n    edmm:        %s\n"
           "    max_threads: %u\nSGX remote attestation:\n    %s\nMemory:\n",
           l->size, plan->h->flags & PLAN_EDMM ? "True" : "False", l->max_threads,
           plan->h->attestation == PLAN_ATTEST_DCAP ? "DCAP/ECDSA" : "None");
    int ret = layout_for_each(l, &image->elf, plan, scratch, print_run, &shown);
    free(scratch);
    hex_encode(mrenclave, 32, hex);
    printf("Measurement:\n    %s\n", hex);
    return ret;
}
