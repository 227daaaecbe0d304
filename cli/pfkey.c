/*
 * Wrap keys: files of 16 raw bytes. What people give instead (nothing, hexadecimal text) is named.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/outfile.h"
#include "cli/pfcrypt.h"

static int wrong_size(const char *path, const uint8_t *bytes, size_t size, struct problem *why)
{
    size_t digits = 0;
    while (digits < size && strchr("0123456789abcdefABCDEF", bytes[digits]) && bytes[digits])
        digits++;
    if (digits == 32)
        return problem_set(why, -EINVAL, "%s: the key is hexadecimal text, not 16 raw bytes: convert it with 'xxd -r -p'",
                           path);
    return problem_set(why, -EINVAL, "%s: the key is %s%zu bytes, not 16: make one with 'cloister encrypt --new-key -w FILE'",
                       path, size > 63 ? "at least " : "", size);
}

int pfcrypt_load_key(const char *path, uint8_t key[PFCRYPT_KEY_SIZE], struct problem *why)
{
    uint8_t bytes[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return problem_set(why, -errno, "%s: cannot read the key: %s", path, strerror(errno));
    size_t size = 0;
    ssize_t n;
    while ((n = read(fd, bytes + size, sizeof(bytes) - size)) > 0)
        size += (size_t)n;
    int err = n < 0 ? problem_set(why, -errno, "%s: cannot read the key: %s", path, strerror(errno)) : 0;
    close(fd);
    if (!err && size != PFCRYPT_KEY_SIZE)
        err = wrong_size(path, bytes, size, why);
    if (!err)
        memcpy(key, bytes, PFCRYPT_KEY_SIZE);
    explicit_bzero(bytes, sizeof(bytes));
    return err;
}

int pfcrypt_make_key(const char *path, bool overwrite, struct problem *why)
{
    uint8_t key[PFCRYPT_KEY_SIZE];
    struct outfile out;
    if (!overwrite && access(path, F_OK) == 0)
        return problem_set(why, -EEXIST, "%s: exists: files encrypted with it would be lost: choose another name", path);
    int err = outfile_open(&out, path, 0600, false, why);
    if (err)
        return err;
    if (getrandom(key, sizeof(key), 0) != sizeof(key) || write(out.fd, key, sizeof(key)) != sizeof(key))
        err = problem_set(why, -errno, "%s: cannot write: %s", path, strerror(errno));
    explicit_bzero(key, sizeof(key));
    if (err) {
        outfile_discard(&out);
        return err;
    }
    return outfile_commit(&out, why);
}
