/*
 * What calls made in directories goes, by descriptors, so that no path is too long. Then it must be
 * gone: a name that comes back is a fault of the library OS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

#define DEPTH_MOST 64 /* of directories, each with an open descriptor and a list on the stack */

static const char *const g_swept[] = { "/fuzz/h", "/fuzz/t", "/fuzz", "/dev/shm", "/" };
#define COUNT (sizeof(g_swept) / sizeof(g_swept[0]))

/* What was there at the start: mounts and directories towards them. */
static char g_kept[COUNT][512];

struct list {
    uint8_t entries[8192];
};

/* The next entries of a directory, as in getdents64; false: no more. */
static bool list_more(int fd, struct list *l, int64_t *size)
{
    *size = RAW(SYS_getdents64, fd, l->entries, sizeof(l->entries));
    if (*size < 0)
        die(94, "fuzz: SELF-CHECK FAILED: getdents64: %ld\n", *size);
    return *size > 0;
}

static const char *entry_at(struct list *l, int64_t *at)
{
    const char *name = (char *)l->entries + *at + 19;
    *at += *(uint16_t *)(l->entries + *at + 16);
    return name;
}

/* Names of a kept list end with a slash each, which none contains. */
static bool is_kept(const char *kept, const char *name)
{
    size_t n = strlen(name);
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return true;
    for (const char *p = kept; (p = strstr(p, name)); p++)
        if (p[n] == '/' && (p == kept || p[-1] == '/'))
            return true;
    return false;
}

static int open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        die(94, "fuzz: SELF-CHECK FAILED: %s cannot be opened: errno %d\n", path, errno);
    return fd;
}

void sweep_tell(const char *path)
{
    struct list l;
    int fd = open_directory(path);
    for (int64_t size; list_more(fd, &l, &size);)
        for (int64_t at = 0; at < size;)
            say("fuzz: there is %s/%s\n", path, entry_at(&l, &at));
    close(fd);
}

void sweep_start(void)
{
    struct list l;
    for (unsigned i = 0; i < COUNT; i++) {
        int fd = open_directory(g_swept[i]);
        size_t used = 0;
        for (int64_t size; list_more(fd, &l, &size);)
            for (int64_t at = 0; at < size;)
                used += (size_t)snprintf(g_kept[i] + used, sizeof(g_kept[i]) - used, "%s/",
                                         entry_at(&l, &at));
        close(fd);
        if (used >= sizeof(g_kept[i]))
            die(97, "fuzz: %s has too many entries\n", g_swept[i]);
    }
}

/* Again from the start until nothing more goes: what is removed changes the list. */
static void empty(int fd, const char *kept, unsigned depth)
{
    struct list l;
    for (unsigned removed = 1; removed;) {
        removed = 0;
        lseek(fd, 0, SEEK_SET);
        for (int64_t size; list_more(fd, &l, &size);)
            for (int64_t at = 0; at < size;) {
                const char *name = entry_at(&l, &at);
                if (is_kept(kept, name))
                    continue;
                if (unlinkat(fd, name, 0) && depth < DEPTH_MOST) {
                    fchmodat(fd, name, 0700, 0);
                    int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                    if (inner >= 0)
                        empty(inner, "", depth + 1);
                    close(inner);
                    if (unlinkat(fd, name, AT_REMOVEDIR))
                        continue;
                }
                removed++;
            }
    }
}

static void must_be_empty(unsigned i)
{
    struct list l;
    struct stat st = { 0 };
    int fd = open_directory(g_swept[i]);
    for (int64_t size; list_more(fd, &l, &size);)
        for (int64_t at = 0; at < size;) {
            const char *name = entry_at(&l, &at);
            if (is_kept(g_kept[i], name))
                continue;
            /* Whose it is shows in the place and the number: the host's entries have the host's. */
            const char *entry = name - 19;
            int looked = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ? errno : 0;
            int changed = fchmodat(fd, name, 0700, 0) ? errno : 0;
            int removed = unlinkat(fd, name, 0) ? errno : 0;
            int directory = unlinkat(fd, name, AT_REMOVEDIR) ? errno : 0;
            die(94,
                "fuzz: SELF-CHECK FAILED: %s/%s is still there, mode %#o, number %#lx, place %#lx, "
                "type %u; looking at it: errno %d; fchmodat: %d; unlink: %d; rmdir: %d\n",
                g_swept[i], name, st.st_mode, *(uint64_t *)entry, *(uint64_t *)(entry + 8),
                (uint8_t)entry[18], looked, changed, removed, directory);
        }
    close(fd);
}

/* Attributes of what stays: up to 64 KiB each, in the memory of the library OS. */
static void strip(const char *path)
{
    static char names[65536];
    int64_t size = RAW(SYS_listxattr, path, names, sizeof(names));
    for (int64_t at = 0; at < size; at += (int64_t)strlen(names + at) + 1)
        RAW(SYS_removexattr, path, names + at);
}

void sweep_all(void)
{
    strip("/etc");
    for (unsigned i = 0; i < COUNT; i++) {
        chmod(g_swept[i], 0755);
        strip(g_swept[i]);
        int fd = open_directory(g_swept[i]);
        empty(fd, g_kept[i], 0);
        close(fd);
        must_be_empty(i);
    }
}
