#ifndef LIBOS_SIGNAL_SIGNALFD_H
#define LIBOS_SIGNAL_SIGNALFD_H

/* signalfd: pending signals of the reader, read as data. */
#include <stdint.h>

struct file;

struct file *signalfd_new(uint64_t mask, uint32_t flags); /* NULL: no memory */
int signalfd_set_mask(struct file *f, uint64_t mask);     /* -EINVAL: not a signalfd */

#endif
