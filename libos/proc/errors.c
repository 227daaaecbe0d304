/* Errno in words, for messages to people. */
#include "libos/proc/errors.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"

static const struct {
    int number;
    const char *text;
} texts[] = {
    { EPERM, "not permitted" },
    { ENOENT, "no such file" },
    { EIO, "input/output error" },
    { E2BIG, "too long" },
    { ENOEXEC, "not an executable format" },
    { EAGAIN, "nothing left of it" },
    { ENOMEM, "out of memory" },
    { EACCES, "permission denied" },
    { EEXIST, "the address range is taken" },
    { ENOTDIR, "not a directory" },
    { EISDIR, "is a directory" },
    { EINVAL, "invalid" },
    { EMFILE, "too many open files" },
    { ENAMETOOLONG, "name too long" },
    { ELOOP, "too many levels of links or interpreters" },
    { ENOSYS, "not implemented" },
    { ELIBBAD, "the program interpreter is not an ELF file" },
    { EBADMSG, "content does not match its digest" },
};

const char *errno_text(int err)
{
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (texts[i].number == (err < 0 ? -err : err))
            return texts[i].text;
    return "error";
}
