/*
 * The state folder of the software device. It belongs to the user and is trusted as far as the user
 * is; others are kept out by modes, and a folder that is not ours is refused.
 */
#include "attest/soft/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"
#include "lib/base/bytes.h"

int soft_path(const char *folder, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", folder, name);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int make_folders(char *path)
{
    for (char *p = path + 1;; p++) {
        char c = *p;
        if (c != '/' && c != 0)
            continue;
        *p = 0;
        int failed = mkdir(path, 0700);
        *p = c;
        if (failed && errno != EEXIST)
            return -errno;
        if (c == 0)
            return 0;
    }
}

static int default_dir(char *out, size_t size)
{
    const char *base = getenv("CLOISTER_STATE_DIR"), *middle = "";
    if (!base || !*base) {
        base = getenv("XDG_STATE_HOME");
        middle = "/cloister";
    }
    if (!base || !*base) {
        base = getenv("HOME");
        middle = "/.local/state/cloister";
    }
    if (!base || !*base)
        return -ENOENT;
    int n = snprintf(out, size, "%s%s/soft", base, middle);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int soft_state_dir(const char *given, char *out, size_t size)
{
    struct stat st;
    int ret = given ? 0 : default_dir(out, size);
    if (given && (size_t)snprintf(out, size, "%s", given) >= size)
        return -ENAMETOOLONG;
    if (ret == 0)
        ret = make_folders(out);
    if (ret)
        return ret;
    if (stat(out, &st))
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    /* someone else's folder would hand our secrets to them, or theirs to us */
    return st.st_uid == geteuid() ? 0 : -EACCES;
}

int soft_lock(const char *folder, const char *name)
{
    char path[SOFT_PATH_MAX];
    int ret = soft_path(folder, name, path, sizeof(path));
    if (ret)
        return ret;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX))
        if (errno != EINTR) {
            ret = -errno;
            close(fd);
            return ret;
        }
    return fd;
}

static int read_key(const char *path, uint8_t key[SOFT_DEVICE_KEY_SIZE])
{
    uint8_t *data = NULL;
    size_t size = 0;
    struct stat st;
    if (stat(path, &st))
        return -errno;
    if (st.st_mode & 077)
        return -EACCES;
    int ret = file_read(path, 4096, &data, &size);
    if (ret)
        return ret;
    ret = size == SOFT_DEVICE_KEY_SIZE ? 0 : -EINVAL;
    if (ret == 0)
        memcpy(key, data, SOFT_DEVICE_KEY_SIZE);
    bytes_wipe(data, size);
    free(data);
    return ret;
}

int attest_soft_device_key(const char *folder, uint8_t key[SOFT_DEVICE_KEY_SIZE])
{
    char path[SOFT_PATH_MAX];
    int ret = soft_path(folder, "device.key", path, sizeof(path));
    if (ret)
        return ret;
    ret = read_key(path, key);
    if (ret != -ENOENT)
        return ret;
    int lock = soft_lock(folder, "lock");
    if (lock < 0)
        return lock;
    ret = read_key(path, key);
    if (ret == -ENOENT) {
        ret = getrandom(key, SOFT_DEVICE_KEY_SIZE, 0) == SOFT_DEVICE_KEY_SIZE ? 0 : -EIO;
        if (ret == 0)
            ret = file_write(path, key, SOFT_DEVICE_KEY_SIZE, 0600);
    }
    close(lock);
    return ret;
}
