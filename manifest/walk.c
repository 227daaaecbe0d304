/*
 * Walk directories in sorted order. The host's names are data here: they are compared as bytes and
 * joined, nothing else. Start at walk_directory().
 */
#include "manifest/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/open_in.h"

struct walk {
    int root;
    walk_visit *visit;
    void *arg;
    struct problem *why;
};

struct names {
    char **items;
    size_t count, room;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static int add_name(struct names *names, const char *name)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 16;
        char **items = realloc(names->items, room * sizeof(char *));
        if (!items)
            return -ENOMEM;
        names->items = items;
        names->room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    names->items[names->count++] = copy;
    return 0;
}

/* Names in a directory, sorted. `fd` is taken. */
static int read_names(int fd, struct names *names)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int ret = 0;
    if (!dir) {
        ret = -errno;
        close(fd);
        return ret;
    }
    while (!ret && (errno = 0, entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ret = add_name(names, entry->d_name);
    if (!ret && errno)
        ret = -errno;
    closedir(dir);
    if (!ret && names->count)
        qsort(names->items, names->count, sizeof(char *), by_bytes);
    return ret;
}

static bool is_symlink(int root, const char *path)
{
    struct stat st;
    int fd = open_in(root, path, O_PATH | O_NOFOLLOW);
    bool link = fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
    if (fd >= 0)
        close(fd);
    return link;
}

static int walk(const struct walk *w, const char *path);

static int visit_entry(const struct walk *w, const char *path)
{
    struct stat st;
    int fd = open_in(w->root, path, O_PATH);
    if (fd < 0 || fstat(fd, &st))
        st.st_mode = 0; /* a dangling link, or gone again */
    if (fd >= 0)
        close(fd);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return 0;
    fd = open_in(w->root, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return 0;
    close(fd);
    if (S_ISREG(st.st_mode))
        return w->visit(w->arg, path, (uint64_t)st.st_size);
    return is_symlink(w->root, path) ? 0 : walk(w, path);
}

/* Recursion is bounded: each level makes the path longer, and it may not exceed PATH_MAX. */
static int walk(const struct walk *w, const char *path)
{
    struct names names = { 0 };
    char *child = malloc(PATH_MAX);
    int fd = open_in(w->root, *path ? path : ".", O_RDONLY | O_DIRECTORY);
    int ret = !child ? -ENOMEM : fd < 0 ? fd : read_names(fd, &names);
    if (ret)
        problem_set(w->why, ret, "%s: %s", *path ? path : ".", strerror(-ret));
    const char *slash = *path && path[strlen(path) - 1] != '/' ? "/" : "";
    for (size_t i = 0; i < names.count && !ret; i++) {
        if (snprintf(child, PATH_MAX, "%s%s%s", path, slash, names.items[i]) >= PATH_MAX)
            ret = problem_set(w->why, -ENAMETOOLONG, "%s/%s: %s", path, names.items[i],
                              strerror(ENAMETOOLONG));
        else
            ret = visit_entry(w, child);
    }
    free_names(&names);
    free(child);
    return ret;
}

/* "as written" without empty and "." components; ".." stays, because links may stand before it. */
static int tidy(const char *path, char out[PATH_MAX])
{
    size_t used = 0;
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (*path == '/')
        out[used++] = '/';
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size && !(size == 1 && *path == '.')) {
            if (used && out[used - 1] != '/')
                out[used++] = '/';
            memcpy(out + used, path, size);
            used += size;
        }
        path += size + (path[size] == '/');
    }
    out[used] = 0;
    return 0;
}

int walk_directory(int root, const char *path, walk_visit *visit, void *arg, struct problem *why)
{
    struct walk w = { root, visit, arg, why };
    char tidied[PATH_MAX];
    int ret = tidy(path, tidied);
    return ret ? problem_set(why, ret, "%s: %s", path, strerror(-ret)) : walk(&w, tidied);
}
