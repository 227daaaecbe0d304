#ifndef HOST_HW_RUN_H
#define HOST_HW_RUN_H

/* The hardware device at run time: served code, named in device_hw. */
#include "host/device.h"

void hw_prepare(struct host_thread *t);
uint64_t hw_enter(struct host_thread *t, uint64_t reason, uint64_t a, uint64_t b, uint64_t *frame);
enum signal_origin hw_interrupted(struct host_thread *t, int *sig, siginfo_t *info, ucontext_t *uc);
void hw_resume(struct host_thread *t, ucontext_t *uc);

#endif
