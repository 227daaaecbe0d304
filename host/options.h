#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

/* The launcher's command line. Written by `cloister run`; --plan instead of --plan-fd by hand. */
#include <stdint.h>

enum host_mode { MODE_DIRECT, MODE_SOFT, MODE_SGX };
enum host_stats { STATS_NONE, STATS_TEXT, STATS_JSON };

struct options {
    enum host_mode mode;
    const char *image, *sig, *aesm, *verity, *lie;
    int plan_fd, device_key_fd; /* -1: not given */
    uint64_t plan_offset;       /* where in that file the plan begins; it goes to the file's end */
    uint32_t log_level;         /* UINT32_MAX: as the plan says */
    uint32_t trace, stats;
    int hostname; /* tell the program the host's name and resolv.conf */
    int argc;     /* the program's words after its name */
    char **argv;
};

/* Returns 0, or the exit status after a message or --help was printed: -1 means exit with 0. */
int options_parse(int argc, char **argv, struct options *out);

#endif
