/* The host-call table as data. Its rows are in hostcall.def. */
#include "lib/boundary/hostcall.h"

const struct hostcall hostcall_table[HC_COUNT] = {
#define HOSTCALL(name, nr, ret, errs, ...)                                                         \
    [HC_##name] = { #name, nr, ret, errs, { __VA_ARGS__ } },
#include "lib/boundary/hostcall.def"
#undef HOSTCALL
};
