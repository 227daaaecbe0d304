#ifndef ENCLAVE_ZONE_H
#define ENCLAVE_ZONE_H

/*
 * Which addresses are whose. The program may have [user_low, user_high) less the zone (libos's heap and
 * thread stacks) and less the image. Set once by the machine before anything else runs.
 */
#include <stdint.h>

struct zone {
    uint64_t user_low, user_high;
    uint64_t low, high;             /* the trusted side's own memory */
    uint64_t image_low, image_high;
};

extern struct zone g_zone;

#endif
