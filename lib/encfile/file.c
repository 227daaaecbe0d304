/*
 * The host's file in whole pieces, and the words for what can be wrong with a file.
 *
 * The host is trusted with nothing: a count above what was asked is an error, and what was read is
 * good only after its tag has been checked by the caller.
 */
#include "lib/encfile/file.h"

#include "lib/linux/errno.h"

const uint8_t encfile_zero_iv[GCM_IV_SIZE];

int encfile_fail(struct encfile *f, enum encfile_status status, int error)
{
    f->status = status;
    return error;
}

int encfile_io_read(const struct encfile_io *io, void *file, uint64_t offset, void *buf,
                    size_t size)
{
    size_t done = 0;
    while (done < size) {
        int64_t n = io->read(file, offset + done, (uint8_t *)buf + done, size - done);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -ENODATA;
        if ((uint64_t)n > size - done)
            return -EIO;
        done += (size_t)n;
    }
    return 0;
}

int encfile_io_write(const struct encfile_io *io, void *file, uint64_t offset, const void *buf,
                     size_t size)
{
    size_t done = 0;
    while (done < size) {
        int64_t n = io->write(file, offset + done, (const uint8_t *)buf + done, size - done);
        if (n < 0)
            return (int)n;
        /* A write that moves nothing and reports no error would loop for ever. */
        if (n == 0 || (uint64_t)n > size - done)
            return -EIO;
        done += (size_t)n;
    }
    return 0;
}

enum encfile_status encfile_status(const struct encfile *f)
{
    return f->status;
}

const char *encfile_status_text(enum encfile_status status)
{
    static const char *const text[ENCFILE_STATUS_COUNT] = {
        [ENCFILE_OK] = "no error",
        [ENCFILE_BAD_LENGTH] = "not an encrypted file, or cut off: its length is zero or not a "
                               "multiple of 4096 bytes",
        [ENCFILE_NOT_ENCRYPTED] = "not an encrypted file",
        [ENCFILE_OTHER_VERSION] = "encrypted by a version of the format that is not known here",
        [ENCFILE_BAD_KEY] = "wrong key, or the file was tampered with",
        [ENCFILE_TAMPERED] = "the file was tampered with or damaged",
        [ENCFILE_TRUNCATED] = "the file was truncated",
        [ENCFILE_OTHER_PATH] = "bound to another path",
        [ENCFILE_PATH_TOO_LONG] = "the path is longer than 771 bytes",
        [ENCFILE_RECOVERY_NEEDED] = "a write was interrupted: the recovery file is needed",
        [ENCFILE_RECOVERY_FAILED] = "a write was interrupted, and the recovery file does not fit",
        [ENCFILE_READ_FAILED] = "reading failed",
        [ENCFILE_WRITE_FAILED] = "writing failed",
        [ENCFILE_JOURNAL_FAILED] = "writing the recovery file failed",
        [ENCFILE_READ_ONLY] = "opened for reading only",
        [ENCFILE_TOO_BIG] = "too big",
        [ENCFILE_NO_MEMORY] = "out of memory",
        [ENCFILE_NO_RANDOM] = "no random numbers",
    };
    return status < ENCFILE_STATUS_COUNT ? text[status] : "unknown status";
}
