#ifndef HOST_DEVICE_HW_H
#define HOST_DEVICE_HW_H

/* The Linux driver's interface, with its ioctl(2) injectable for tests. */
#include <stdint.h>

#include "lib/sgx/layout.h"

typedef int64_t hw_ioctl(int fd, uint64_t request, void *argument);

/* Add a run: repeats until all is added, whatever part the driver did each time. Returns 0 or negative errno. */
int64_t hw_add_run(int fd, hw_ioctl *call, const struct layout_run *run);

/* EINIT; UNMASKED_EVENT is tried again. Returns as SGX_IOC_ENCLAVE_INIT: 0, an SGX error, or negative errno. */
int64_t hw_init(int fd, hw_ioctl *call, const void *sigstruct);

#endif
