/* ioctl arguments that are addresses in the program. */
#include "libos/sys/ioctl_arg.h"

#include "enclave/uaccess.h"

int ioctl_put(uint64_t arg, const void *value, size_t size)
{
    return user_write(arg, value, size);
}

int ioctl_put_int(uint64_t arg, int value)
{
    return user_write(arg, &value, sizeof(value));
}

int ioctl_get(uint64_t arg, void *out, size_t size)
{
    return user_read(out, arg, size);
}
