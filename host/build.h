#ifndef HOST_BUILD_H
#define HOST_BUILD_H

#include "host/device.h"
#include "host/image.h"
#include "host/options.h"

/* Build the enclave on g_host.device from image, plan and .sig; on failure end the process with a message. */
void build_enclave(const struct options *o, const struct image *image, const struct plan *plan);

/* Prepare threads and signals, enter the enclave by thread 0, and serve it. Does not return. */
_Noreturn void build_enter(const struct options *o, const struct plan *plan);

#endif
