/*
 * FIFOs and sockets belong to the directory that they were made in, by whatever path that is named:
 * through symlinks, by descriptors, as the working directory, and under its new name when it moves.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static unsigned type_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) ? 0 : st.st_mode & S_IFMT;
}

static unsigned links_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) ? 0 : (unsigned)st.st_nlink;
}

/* How often readdir gives a name; NULL: all but dots. */
static unsigned listed(const char *path, const char *name)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    NEED(d);
    for (struct dirent *e; (e = readdir(d));)
        n += name ? strcmp(e->d_name, name) == 0
                  : strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    NEED(fd >= 0);
    close(fd);
}

/* Both ends of one pipe? */
static bool is_one_fifo(const char *a, const char *b)
{
    char c = 0;
    int in = open(a, O_RDWR | O_NONBLOCK), out = open(b, O_RDWR | O_NONBLOCK);
    bool one = in >= 0 && out >= 0 && write(in, "x", 1) == 1 && read(out, &c, 1) == 1 && c == 'x';
    close(in), close(out);
    return one;
}

static void address_of(const char *path, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(a->sun_path, path);
}

static int listen_at(const char *path)
{
    struct sockaddr_un a;
    address_of(path, &a);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 4) == 0);
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un a;
    address_of(path, &a);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int r = connect(fd, (struct sockaddr *)&a, sizeof(a)), e = errno;
    close(fd);
    errno = e;
    return r;
}

static void through_a_symlink_to_the_directory(void)
{
    NEED(mkdir("real", 0700) == 0 && symlink("real", "link") == 0);
    CHECK_EQ(mkfifo("link/fifo", 0600), 0);
    CHECK_EQ(type_of("link"), S_IFLNK);
    CHECK_EQ(type_of("link/fifo"), S_IFIFO);
    CHECK_EQ(type_of("real/fifo"), S_IFIFO);
    CHECK(is_one_fifo("link/fifo", "real/fifo"));
    CHECK_EQ(listed("real", "fifo"), 1);
    CHECK_EQ(listed("link", "fifo"), 1);
    CHECK_ERRNO(mkfifo("real/fifo", 0600), EEXIST);
    CHECK_ERRNO(mkdir("real/fifo", 0700), EEXIST);
    CHECK_ERRNO(open("real/fifo", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_EQ(unlink("real/fifo"), 0);
    CHECK_EQ(type_of("link/fifo"), 0);
    int server = listen_at("link/socket");
    CHECK_EQ(connect_to("real/socket"), 0);
    CHECK_EQ(rename("real/socket", "link/moved"), 0);
    CHECK_EQ(connect_to("link/moved"), 0);
    CHECK_ERRNO(connect_to("link/socket"), ENOENT);
    CHECK_EQ(unlink("link"), 0);
    CHECK_ERRNO(rmdir("real"), ENOTEMPTY);
    CHECK_EQ(unlink("real/moved"), 0);
    CHECK_EQ(rmdir("real"), 0);
    close(server);
}

static void the_directory_moves(void)
{
    NEED(mkdir("a", 0700) == 0 && mkdir("b", 0700) == 0 && mkfifo("a/fifo", 0600) == 0);
    int fd = open("a/fifo", O_RDWR | O_NONBLOCK), server = listen_at("a/socket");
    CHECK_ERRNO(rename("b", "a"), ENOTEMPTY);
    CHECK_EQ(rename("a", "a"), 0);
    CHECK_EQ(rename("a", "b"), 0);
    CHECK_EQ(type_of("a"), 0);
    CHECK_EQ(type_of("a/fifo"), 0);
    CHECK_EQ(type_of("b/fifo"), S_IFIFO);
    CHECK_EQ(connect_to("b/socket"), 0);
    CHECK_ERRNO(connect_to("a/socket"), ENOENT);
    char c = 0;
    int again = open("b/fifo", O_RDWR | O_NONBLOCK);
    CHECK_EQ(write(fd, "y", 1), 1);
    CHECK_EQ(read(again, &c, 1), 1);
    CHECK_EQ(listed("b", NULL), 2);
    NEED(mkdir("a", 0700) == 0);
    CHECK_EQ(listed("a", NULL), 0);
    CHECK_EQ(mkfifo("a/fifo", 0600), 0);
    CHECK(!is_one_fifo("a/fifo", "b/fifo"));
    CHECK_EQ(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE), 0);
    CHECK_EQ(listed("a", NULL), 2);
    CHECK_EQ(listed("b", NULL), 1);
    CHECK_EQ(renameat2(AT_FDCWD, "a/fifo", AT_FDCWD, "b/fifo", RENAME_EXCHANGE), 0);
    CHECK_EQ(write(fd, "z", 1), 1);
    int moved = open("b/fifo", O_RDWR | O_NONBLOCK);
    CHECK_EQ(read(moved, &c, 1), 1);
    CHECK_EQ(c, 'z');
    close(fd), close(again), close(moved), close(server);
    CHECK_EQ(unlink("a/fifo") + unlink("a/socket") + unlink("b/fifo"), 0);
    CHECK_EQ(rmdir("a") + rmdir("b"), 0);
}

static void as_the_working_directory(void)
{
    NEED(mkdir("wd", 0700) == 0 && mkdir("wd/in", 0700) == 0);
    int up = open(".", O_RDONLY | O_DIRECTORY);
    NEED(chdir("wd/in") == 0);
    CHECK_EQ(mkfifo("../fifo", 0600), 0);
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK_EQ(type_of("../in/fifo"), S_IFIFO);
    CHECK_EQ(type_of("./../fifo"), S_IFIFO);
    CHECK_EQ(unlink("../fifo"), 0);
    CHECK_EQ(type_of("fifo"), S_IFIFO);
    CHECK_EQ(fchdir(up), 0);
    CHECK_EQ(type_of("wd/fifo"), 0);
    CHECK_EQ(unlinkat(up, "wd/in/fifo", 0), 0);
    NEED(chdir("wd/in") == 0 && fchdir(up) == 0);
    int in = open("wd/in", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(mkfifoat(in, "fifo", 0600), 0);
    CHECK_EQ(type_of("wd/in/fifo"), S_IFIFO);
    CHECK_EQ(unlinkat(in, "fifo", 0), 0);
    CHECK_EQ(rmdir("wd/in"), 0);
    CHECK_ERRNO(mkfifoat(in, "fifo", 0600), ENOENT);
    CHECK_EQ(rmdir("wd"), 0);
    close(in), close(up);
}

static void in_the_middle_of_a_path(void)
{
    struct stat st;
    NEED(mkdir("dir", 0700) == 0 && mkfifo("dir/fifo", 0600) == 0);
    CHECK_ERRNO(stat("dir/fifo/x", &st), ENOTDIR);
    CHECK_ERRNO(stat("dir/fifo/", &st), ENOTDIR);
    CHECK_ERRNO(open("dir/fifo/x", O_CREAT | O_RDWR, 0600), ENOTDIR);
    CHECK_ERRNO(mkdir("dir/fifo/x", 0700), ENOTDIR);
    CHECK_ERRNO(unlink("dir/fifo/x"), ENOTDIR);
    CHECK_ERRNO(rmdir("dir/fifo"), ENOTDIR);
    CHECK_ERRNO(unlink("dir/fifo/"), ENOTDIR);
    /* The same name elsewhere is another thing. */
    NEED(mkdir("fifo", 0700) == 0);
    make_file("fifo/fifo");
    CHECK_EQ(type_of("fifo/fifo"), S_IFREG);
    CHECK_EQ(type_of("fifo/../dir/fifo"), S_IFIFO);
    CHECK_EQ(unlink("fifo/fifo"), 0);
    CHECK_EQ(rmdir("fifo"), 0);
    CHECK_EQ(unlink("dir/fifo"), 0);
    CHECK_EQ(rmdir("dir"), 0);
}

static void through_symlinks_to_the_node(void)
{
    struct stat st;
    NEED(mkdir("dir", 0700) == 0 && mkfifo("dir/fifo", 0600) == 0);
    NEED(symlink("fifo", "dir/near") == 0 && symlink("dir/near", "far") == 0);
    NEED(symlink("far", "loop") == 0 && symlink("none", "dangling") == 0);
    CHECK_EQ(stat("far", &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(stat("loop", &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(type_of("far"), S_IFLNK);
    CHECK_ERRNO(stat("dangling", &st), ENOENT);
    CHECK_ERRNO(open("dangling", O_RDWR), ENOENT);
    CHECK_EQ(access("far", R_OK), 0);
    CHECK_EQ(chmod("far", 0640), 0);
    CHECK_EQ(stat("dir/fifo", &st), 0);
    CHECK_EQ(st.st_mode, S_IFIFO | 0640);
    CHECK(is_one_fifo("far", "dir/fifo"));
    CHECK(is_one_fifo("dir/near", "loop"));
    CHECK_ERRNO(open("far", O_RDWR | O_NOFOLLOW), ELOOP);
    CHECK_EQ(unlink("dir/fifo"), 0);
    int server = listen_at("dir/fifo");
    CHECK_EQ(connect_to("far"), 0);
    close(server);
    CHECK_ERRNO(connect_to("far"), ECONNREFUSED);
    CHECK_EQ(unlink("dir/fifo"), 0);
    CHECK_ERRNO(connect_to("far"), ENOENT);
    CHECK_EQ(unlink("dir/near") + unlink("far") + unlink("loop") + unlink("dangling"), 0);
    CHECK_EQ(rmdir("dir"), 0);
}

static void with_two_names(void)
{
    struct stat a, b;
    NEED(mkdir("dir", 0700) == 0 && mkfifo("one", 0640) == 0);
    CHECK_EQ(links_of("one"), 1);
    CHECK_EQ(link("one", "dir/two"), 0);
    CHECK_ERRNO(link("one", "dir/two"), EEXIST);
    CHECK_EQ(links_of("one"), 2);
    CHECK(is_one_fifo("one", "dir/two"));
    CHECK_EQ(lstat("one", &a) + lstat("dir/two", &b), 0);
    CHECK(a.st_ino == b.st_ino);
    CHECK_EQ(rename("one", "dir/two"), 0); /* nothing happens: they are one */
    CHECK_EQ(type_of("one"), S_IFIFO);
    int fd = open("one", O_RDWR | O_NONBLOCK);
    CHECK_EQ(unlink("one"), 0);
    CHECK_EQ(links_of("dir/two"), 1);
    CHECK_EQ(unlink("dir/two"), 0);
    CHECK_EQ(fstat(fd, &a), 0);
    CHECK_EQ(a.st_nlink, 0);
    CHECK_EQ(a.st_mode, S_IFIFO | 0640);
    close(fd);
    CHECK_EQ(rmdir("dir"), 0);
}

static void by_its_descriptor(void)
{
    char path[64], c = 0;
    NEED(mkfifo("fifo", 0600) == 0);
    int fd = open("fifo", O_RDONLY | O_NONBLOCK);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int out = open(path, O_WRONLY | O_NONBLOCK);
    CHECK_EQ(write(out, "x", 1), 1);
    CHECK_EQ(read(fd, &c, 1), 1);
    CHECK_EQ(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(links_of("fifo"), 2);
    CHECK_EQ(unlink("fifo") + unlink("other"), 0);
    CHECK_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW), ENOENT);
    CHECK_EQ(type_of("other"), 0);
    close(fd), close(out);
}

static void attributes(void)
{
    struct stat st;
    struct timespec times[2] = { { 1234567, 89 }, { -5, 10 } };
    NEED(mkfifo("fifo", 0600) == 0);
    CHECK_EQ(utimensat(AT_FDCWD, "fifo", times, 0), 0);
    CHECK_EQ(chmod("fifo", 0644), 0);
    CHECK_EQ(stat("fifo", &st), 0);
    CHECK_EQ(st.st_mode, S_IFIFO | 0644);
    CHECK_EQ(st.st_atim.tv_sec, 1234567);
    CHECK_EQ(st.st_atim.tv_nsec, 89);
    CHECK_EQ(st.st_mtim.tv_sec, -5);
    CHECK_EQ(unlink("fifo"), 0);
}

/* Each name once, however many there are and whatever goes while they are read. */
static void many(void)
{
    enum { MANY = 2000 };
    char name[32];
    unsigned seen = 0;
    NEED(mkdir("many", 0700) == 0);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/%u", i);
        CHECK_EQ(mkfifo(name, 0600), 0);
    }
    make_file("many/file");
    CHECK_EQ(listed("many", NULL), MANY + 1);
    DIR *d = opendir("many");
    NEED(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_type == DT_FIFO) {
            seen++;
            CHECK_EQ(unlinkat(dirfd(d), e->d_name, 0), 0);
        }
    }
    CHECK_EQ(seen, MANY);
    rewinddir(d);
    CHECK(readdir(d) != NULL);
    closedir(d);
    CHECK_EQ(listed("many", NULL), 1);
    CHECK_EQ(unlink("many/file"), 0);
    CHECK_EQ(rmdir("many"), 0);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    through_a_symlink_to_the_directory();
    the_directory_moves();
    as_the_working_directory();
    in_the_middle_of_a_path();
    through_symlinks_to_the_node();
    with_two_names();
    by_its_descriptor();
    attributes();
    many();
    CHECK_EQ(listed(".", NULL), 0);
    return check_result();
}
