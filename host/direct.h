#ifndef HOST_DIRECT_H
#define HOST_DIRECT_H

#include "host/image.h"
#include "host/options.h"

/* Map the image into this process and enter it by its ELF entry. Does not return. */
_Noreturn void direct_run(const struct options *o, const struct image *image, const struct plan *plan);

#endif
