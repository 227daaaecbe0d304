/* Requests to the quoting service, of clients that may send anything. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/soft/answer.h"
#include "attest/soft/qe.h"
#include "lib/aesm/aesm.h"
#include "lib/base/bytes.h"

static struct quoter g_quoter;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char folder[] = "/tmp/cloister-fuzz-XXXXXX";
    char command[64];
    struct soft_qe *qe;
    (void)argc;
    (void)argv;
    if (!mkdtemp(folder) || soft_qe_new(folder, &qe))
        abort();
    g_quoter = soft_qe_quoter(qe);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command); /* the keys are in memory */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *response = NULL;
    int64_t n = soft_answer(&g_quoter, data, size, &response);
    if (n < AESM_FRAME_HEADER + 2 || load_le32(response) != (uint64_t)n - AESM_FRAME_HEADER)
        abort(); /* every request gets a whole answer */
    free(response);
    return 0;
}
