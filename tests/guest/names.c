/* Files by name: directories, links, attributes, the *at calls, working directory, long names. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "check.h"

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void attributes(void)
{
    struct stat st, by_fd, by_at;
    umask(022);
    unlink("attr");
    make("attr", "12345");
    CHECK_EQ(stat("attr", &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 0777, 0644);
    CHECK_EQ(st.st_size, 5);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_uid, getuid());
    CHECK(st.st_blksize >= 512 && st.st_ino && st.st_mtime > 1500000000);
    int fd = open("attr", O_RDONLY);
    CHECK_EQ(fstat(fd, &by_fd), 0);
    CHECK(by_fd.st_ino == st.st_ino && by_fd.st_dev == st.st_dev && by_fd.st_mode == st.st_mode);
    CHECK_EQ(fstatat(fd, "", &by_at, AT_EMPTY_PATH), 0);
    CHECK_EQ(by_at.st_ino, st.st_ino);
    close(fd);
    CHECK_EQ(chmod("attr", 0400), 0);
    CHECK_EQ(stat("attr", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0400);
    struct timespec times[2] = { { 1000000000, 0 }, { 1100000000, 0 } };
    CHECK_EQ(utimensat(AT_FDCWD, "attr", times, 0), 0);
    CHECK_EQ(stat("attr", &st), 0);
    CHECK_EQ(st.st_mtime, 1100000000);
    CHECK_EQ(access("attr", R_OK), 0);
    CHECK_EQ(access("attr", F_OK), 0);
    CHECK_ERRNO(access("attr", X_OK), EACCES);
    CHECK_ERRNO(access("missing", F_OK), ENOENT);
    struct statx sx;
    CHECK_EQ(statx(AT_FDCWD, "attr", 0, STATX_BASIC_STATS, &sx), 0);
    CHECK_EQ(sx.stx_size, 5);
    CHECK_EQ(sx.stx_ino, st.st_ino);
}

static void links(void)
{
    struct stat st, target;
    char text[64];
    unlink("sym"), unlink("hard"), unlink("dangling"), unlink("loop");
    make("file", "content");
    CHECK_EQ(symlink("file", "sym"), 0);
    CHECK_ERRNO(symlink("file", "sym"), EEXIST);
    CHECK_EQ(lstat("sym", &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(readlink("sym", text, sizeof(text)), 4);
    CHECK_EQ(readlink("sym", text, 2), 2);
    CHECK_ERRNO(readlink("file", text, 9), EINVAL);
    CHECK_EQ(stat("sym", &st), 0);
    CHECK_EQ(stat("file", &target), 0);
    CHECK_EQ(st.st_ino, target.st_ino);
    CHECK_ERRNO(open("sym", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
    CHECK_EQ(lstat("dangling", &st), 0);
    CHECK_EQ(symlink("loop", "loop"), 0);
    CHECK_ERRNO(open("loop", O_RDONLY), ELOOP);
    CHECK_EQ(link("file", "hard"), 0);
    CHECK_EQ(stat("hard", &st), 0);
    CHECK_EQ(st.st_ino, target.st_ino);
    CHECK_EQ(st.st_nlink, 2);
    CHECK_EQ(unlink("file"), 0);
    CHECK_EQ(stat("hard", &st), 0);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_size, 7);
    CHECK_ERRNO(link("missing", "x"), ENOENT);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void directories(void)
{
    enum { COUNT = 700 };
    char name[64], *seen[COUNT + 8];
    int count = 0;
    NEED(mkdir("many", 0755) == 0 || errno == EEXIST);
    CHECK_ERRNO(mkdir("many", 0755), EEXIST);
    CHECK_ERRNO(mkdir("many/a/b", 0755), ENOENT);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "many/entry-%04d", i);
        make(name, "");
    }
    CHECK_ERRNO(rmdir("many"), ENOTEMPTY);
    DIR *d = opendir("many");
    NEED(d);
    for (struct dirent *e; (e = readdir(d)) && count < COUNT + 8;) {
        CHECK(e->d_ino != 0);
        CHECK(e->d_type == DT_UNKNOWN || e->d_type == (e->d_name[0] == '.' ? DT_DIR : DT_REG));
        seen[count++] = strdup(e->d_name);
    }
    CHECK_EQ(count, COUNT + 2);
    qsort(seen, (size_t)count, sizeof(*seen), by_name);
    CHECK(strcmp(seen[0], ".") == 0 && strcmp(seen[1], "..") == 0);
    for (int i = 2; i < count; i++) {
        snprintf(name, sizeof(name), "entry-%04d", i - 2);
        CHECK(strcmp(seen[i], name) == 0);
    }
    rewinddir(d);
    CHECK(readdir(d) != NULL);
    closedir(d);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "many/entry-%04d", i);
        CHECK_EQ(unlink(name), 0);
    }
    CHECK_EQ(rmdir("many"), 0);
    CHECK_ERRNO(rmdir("many"), ENOENT);
    char buffer[64];
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_ERRNO(syscall(SYS_getdents64, fd, buffer, 8), EINVAL);
    CHECK_ERRNO(read(fd, buffer, 8), EISDIR);
    close(fd);
}

static void relative_to_directories(void)
{
    struct stat st;
    mkdir("base", 0755);
    int dir = open("base", O_RDONLY | O_DIRECTORY);
    NEED(dir >= 0);
    int fd = openat(dir, "inner", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK_ERRNO(openat(fd, "x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(openat(999, "x", O_RDONLY), EBADF);
    close(fd);
    CHECK_EQ(fstatat(dir, "inner", &st, 0), 0);
    CHECK_EQ(stat("base/inner", &st), 0);
    CHECK_EQ(faccessat(dir, "inner", R_OK, 0), 0);
    CHECK_EQ(renameat(dir, "inner", dir, "other"), 0);
    unlinkat(dir, "link", 0);
    CHECK_EQ(symlinkat("other", dir, "link"), 0);
    CHECK_EQ(mkdirat(dir, "sub", 0700), 0);
    CHECK_EQ(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
    CHECK_EQ(unlinkat(dir, "link", 0), 0);
    CHECK_EQ(unlinkat(dir, "other", 0), 0);
    CHECK_ERRNO(syscall(SYS_renameat2, dir, "a", dir, "b", 1 << 9), EINVAL);
    close(dir);
    CHECK_EQ(rmdir("base"), 0);
}

static void working_directory(void)
{
    char before[PATH_MAX], after[PATH_MAX], again[PATH_MAX];
    CHECK(getcwd(before, sizeof(before)) != NULL);
    CHECK(before[0] == '/');
    mkdir("wd", 0755);
    CHECK_EQ(chdir("wd"), 0);
    CHECK(getcwd(after, sizeof(after)) != NULL);
    CHECK(strncmp(before, after, strlen(before)) == 0 && strcmp(after + strlen(before), "/wd") == 0);
    CHECK_EQ(syscall(SYS_getcwd, after, 2) == -1 ? errno : 0, ERANGE);
    CHECK_EQ(chdir("./../wd/.."), 0);
    CHECK(getcwd(again, sizeof(again)) != NULL);
    CHECK(strcmp(before, again) == 0);
    CHECK_ERRNO(chdir("nowhere"), ENOENT);
    int fd = open(".", O_RDONLY);
    CHECK_EQ(chdir("/"), 0);
    CHECK_EQ(fchdir(fd), 0);
    close(fd);
    CHECK(getcwd(again, sizeof(again)) != NULL);
    CHECK(strcmp(before, again) == 0);
    CHECK_EQ(mkfifo("wd/fifo", 0600), 0);
    CHECK_ERRNO(rmdir("wd"), ENOTEMPTY);
    CHECK_EQ(unlink("wd/fifo"), 0);
    CHECK_EQ(rmdir("wd"), 0);
}

/* Not even where it leads to a mount may a directory be unlinked. */
static void directories_above(void)
{
    char path[PATH_MAX];
    struct stat st;
    CHECK_ERRNO(unlink("/proc"), EISDIR);
    CHECK_ERRNO(rmdir("/proc"), EBUSY);
    NEED(getcwd(path, sizeof(path)));
    for (char *last; (last = strrchr(path, '/')) && last != path;) {
        CHECK(unlink(path) == -1 && (errno == EISDIR || errno == EACCES)); /* not allowed to be changed */
        *last = 0;
        CHECK_EQ(stat(path, &st), 0);
    }
    CHECK_EQ(stat(".", &st), 0);
}

static void long_names(void)
{
    char name[PATH_MAX + 10];
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    int fd = open(name, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(unlink(name), 0);
    name[255] = 'n', name[256] = 0;
    CHECK_ERRNO(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
    memset(name, '/', sizeof(name));
    name[PATH_MAX + 5] = 0;
    CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
}

/* However a path is spelled, and wherever in it the odd spelling stands, it leads to the same file
 * or to none. */
static void spellings(void)
{
    static const struct {
        const char *between;
        int error;
    } same[] = { { "/", 0 },
                 { "//", 0 },
                 { "/./", 0 },
                 { "/.//.//", 0 },
                 { "/../dir-x/", ENOENT },
                 { "/...../", ENOENT },
                 { "/.x/", ENOENT },
                 { "/../", ENOENT } };
    char cwd[PATH_MAX], dir[64], path[2 * PATH_MAX];
    NEED(getcwd(cwd, sizeof(cwd)) != NULL);
    for (int n = 1; n < 20; n++) { /* so that the slash is each byte of a word once */
        struct stat st, here;
        snprintf(dir, sizeof(dir), "%.*s", n, "dddddddddddddddddddddddd");
        CHECK_EQ(mkdir(dir, 0700), 0);
        snprintf(path, sizeof(path), "%s/file", dir);
        make(path, "x");
        NEED(stat(path, &here) == 0);
        for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
            for (int absolute = 0; absolute < 2; absolute++) {
                snprintf(path, sizeof(path), "%s%s%s%sfile", absolute ? cwd : "",
                         absolute ? "/" : "", dir, same[i].between);
                errno = 0;
                int r = stat(path, &st);
                CHECK_EQ(r, same[i].error ? -1 : 0);
                CHECK_EQ(errno, same[i].error);
                CHECK(r < 0 || st.st_ino == here.st_ino);
                int fd = open(path, O_RDONLY);
                CHECK_EQ(fd < 0, same[i].error != 0);
                if (fd >= 0)
                    close(fd);
                snprintf(path, sizeof(path), "%s%s%s%s%s", absolute ? cwd : "", absolute ? "/" : "",
                         dir, same[i].between, "..");
                if (!same[i].error) {
                    CHECK_EQ(stat(path, &st), 0);
                    CHECK(S_ISDIR(st.st_mode));
                }
            }
        snprintf(path, sizeof(path), "%s/%s/file/", cwd, dir);
        CHECK_ERRNO(stat(path, &st), ENOTDIR);
        snprintf(path, sizeof(path), "%s/file", dir);
        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(rmdir(dir), 0);
    }
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    attributes();
    links();
    directories();
    relative_to_directories();
    working_directory();
    directories_above();
    long_names();
    spellings();
    return check_result();
}
