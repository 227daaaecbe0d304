/*
 * Names of FIFOs and sockets among those of files and directories: a rename that moves one,
 * replaces one or exchanges one with another; and names that several threads make at once, of which
 * exactly one is there afterwards.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

#define LONG "a-name-which-is-longer-than-most-names-and-does-not-fit-where-a-short-one-does"

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    NEED(fd >= 0);
    NEED(write(fd, "text", 4) == 4);
    close(fd);
}

static void make_socket(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    close(fd);
}

static unsigned type_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) ? 0 : st.st_mode & S_IFMT;
}

static unsigned entries(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    NEED(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

/* One name was removed, and nothing comes out from under it. */
#define GONE(path)                                                                                 \
    do {                                                                                           \
        CHECK_EQ(unlink(path), 0);                                                                 \
        CHECK_EQ(type_of(path), 0);                                                                \
        CHECK_ERRNO(unlink(path), ENOENT);                                                         \
    } while (0)

static void a_file_replaces_a_node(void)
{
    char text[8];
    CHECK_EQ(mkfifo("node", 0600), 0);
    make_file("file");
    CHECK_EQ(rename("file", "node"), 0);
    CHECK_EQ(type_of("node"), S_IFREG);
    CHECK_EQ(type_of("file"), 0);
    int fd = open("node", O_RDONLY);
    CHECK_EQ(read(fd, text, sizeof(text)), 4);
    close(fd);
    GONE("node");
    make_socket("node");
    CHECK_EQ(symlink("nowhere", "sym"), 0);
    CHECK_EQ(rename("sym", "node"), 0);
    CHECK_EQ(type_of("node"), S_IFLNK);
    GONE("node");
    CHECK_EQ(mkfifo("node", 0600), 0);
    CHECK_EQ(mkdir("dir", 0700), 0);
    CHECK_ERRNO(rename("dir", "node"), ENOTDIR);
    CHECK_ERRNO(rename("dir", "node/"), ENOTDIR);
    CHECK_EQ(type_of("node"), S_IFIFO);
    GONE("node");
    CHECK_EQ(rmdir("dir"), 0);
}

static void a_node_moves(void)
{
    CHECK_EQ(mkfifo("node", 0640), 0);
    int fd = open("node", O_RDWR | O_NONBLOCK);
    CHECK_EQ(rename("node", "other"), 0);
    CHECK_EQ(type_of("node"), 0);
    CHECK_EQ(type_of("other"), S_IFIFO);
    CHECK_EQ(rename("other", LONG), 0);
    int again = open(LONG, O_RDWR | O_NONBLOCK);
    char c = 0;
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(read(again, &c, 1), 1);
    CHECK_EQ(c, 'x');
    close(fd), close(again);
    CHECK_EQ(rename(LONG, LONG), 0);
    make_file("file");
    CHECK_EQ(rename(LONG, "file"), 0);
    CHECK_EQ(type_of("file"), S_IFIFO);
    CHECK_EQ(mkdir("dir", 0700), 0);
    CHECK_ERRNO(rename("file", "dir"), EISDIR);
    CHECK_ERRNO(rename("file", "none/x"), ENOENT);
    CHECK_ERRNO(rename("file", "x/"), ENOTDIR);
    CHECK_EQ(rename("file", "dir/inner"), 0);
    CHECK_EQ(entries("dir"), 1);
    CHECK_EQ(type_of("dir/inner"), S_IFIFO);
    CHECK_ERRNO(rmdir("dir"), ENOTEMPTY);
    make_socket("socket");
    CHECK_EQ(rename("socket", "dir/inner"), 0);
    CHECK_EQ(type_of("dir/inner"), S_IFSOCK);
    GONE("dir/inner");
    CHECK_EQ(entries("dir"), 0);
    CHECK_EQ(rename("dir", "moved"), 0);
    CHECK_EQ(mkfifo("moved/fifo", 0600), 0);
    CHECK_EQ(mkdir("dir", 0700), 0);
    CHECK_ERRNO(rename("dir", "moved"), ENOTEMPTY);
    GONE("moved/fifo");
    CHECK_EQ(rename("dir", "moved"), 0);
    CHECK_EQ(rmdir("moved"), 0);
}

static void with_flags(void)
{
    CHECK_EQ(mkfifo("node", 0600), 0);
    make_file("file");
    CHECK_ERRNO(renameat2(AT_FDCWD, "file", AT_FDCWD, "node", RENAME_NOREPLACE), EEXIST);
    CHECK_ERRNO(renameat2(AT_FDCWD, "node", AT_FDCWD, "file", RENAME_NOREPLACE), EEXIST);
    CHECK_ERRNO(renameat2(AT_FDCWD, "node", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
    CHECK_EQ(renameat2(AT_FDCWD, "file", AT_FDCWD, "node", RENAME_EXCHANGE), 0);
    CHECK_EQ(type_of("file"), S_IFIFO);
    CHECK_EQ(type_of("node"), S_IFREG);
    CHECK_EQ(renameat2(AT_FDCWD, "file", AT_FDCWD, "node", RENAME_EXCHANGE), 0);
    CHECK_EQ(type_of("file"), S_IFREG);
    CHECK_EQ(type_of("node"), S_IFIFO);
    GONE("file");
    make_socket(LONG);
    CHECK_EQ(renameat2(AT_FDCWD, LONG, AT_FDCWD, "node", RENAME_EXCHANGE), 0);
    CHECK_EQ(type_of(LONG), S_IFIFO);
    CHECK_EQ(type_of("node"), S_IFSOCK);
    CHECK_EQ(renameat2(AT_FDCWD, "node", AT_FDCWD, "file", RENAME_NOREPLACE), 0);
    CHECK_EQ(mkdir("dir", 0700), 0);
    CHECK_EQ(renameat2(AT_FDCWD, "file", AT_FDCWD, "dir", RENAME_EXCHANGE), 0);
    CHECK_EQ(type_of("file"), S_IFDIR);
    CHECK_EQ(type_of("dir"), S_IFSOCK);
    GONE("dir");
    GONE(LONG);
    CHECK_EQ(rmdir("file"), 0);
}

/* A symlink leads to a node, to nothing, and to itself. */
static void through_symlinks(void)
{
    CHECK_EQ(mkdir("dir", 0700), 0);
    CHECK_EQ(mkfifo("dir/fifo", 0600), 0);
    CHECK_EQ(symlink("fifo", "dir/one"), 0);
    CHECK_EQ(symlink("dir/one", "two"), 0);
    int fd = open("two", O_CREAT | O_RDWR | O_NONBLOCK, 0600);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    close(fd);
    CHECK_ERRNO(open("two", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_ERRNO(open("two", O_CREAT | O_NOFOLLOW | O_RDWR, 0600), ELOOP);
    CHECK_EQ(symlink("made", "dir/three"), 0);
    fd = open("dir/three", O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NOFOLLOW, 0);
    CHECK_EQ(type_of("dir/made"), S_IFREG);
    close(fd);
    CHECK_EQ(symlink("loop", "loop"), 0);
    CHECK_ERRNO(open("loop", O_CREAT | O_RDWR, 0600), ELOOP);
    GONE("dir/fifo");
    GONE("dir/made");
    CHECK_EQ(unlink("dir/one") + unlink("dir/three") + unlink("two") + unlink("loop"), 0);
    CHECK_EQ(rmdir("dir"), 0);
}

/* ---- several at once */

enum { ROUNDS = 1500 };
static pthread_barrier_t g_barrier;

/* Nothing can be made in a directory that is gone, and it does not come back by trying. */
static void a_removed_directory(void)
{
    NEED(mkdir("gone", 0700) == 0);
    int fd = open("gone", O_RDONLY | O_DIRECTORY);
    NEED(fd >= 0);
    CHECK_EQ(rmdir("gone"), 0);
    CHECK_ERRNO(mkfifoat(fd, "fifo", 0600), ENOENT);
    CHECK_EQ(entries("."), 0);
    NEED(mkfifo("fifo", 0600) == 0);
    CHECK_ERRNO(renameat(AT_FDCWD, "fifo", fd, "fifo"), ENOENT);
    CHECK_EQ(unlink("fifo"), 0);
    CHECK_EQ(entries("."), 0);
    CHECK_EQ(mkdir("gone", 0700), 0);
    CHECK_EQ(rmdir("gone"), 0);
    close(fd);
}

static int make_one(int how)
{
    int fd = -1;
    switch (how) {
    case 0: return mkfifo("race", 0600);
    case 1: return mkdir("race", 0700);
    case 2: return symlink("nowhere", "race");
    default: fd = open("race", O_CREAT | O_EXCL | O_RDWR, 0600); break;
    }
    close(fd);
    return fd < 0 ? -1 : 0;
}

static void *maker(void *argument)
{
    unsigned *made = argument;
    int how = (int)made[1];
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&g_barrier);
        *made += make_one(how) == 0;
        pthread_barrier_wait(&g_barrier);
    }
    return NULL;
}

static void one_of_several_makes_a_name(void)
{
    unsigned made[4][2] = { { 0, 0 }, { 0, 1 }, { 0, 2 }, { 0, 3 } }, hidden = 0;
    pthread_t threads[4];
    pthread_barrier_init(&g_barrier, NULL, 5);
    for (unsigned i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, maker, made[i]) == 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&g_barrier);
        pthread_barrier_wait(&g_barrier);
        if (unlink("race"))
            rmdir("race");
        hidden += type_of("race") != 0;
        if (unlink("race"))
            rmdir("race");
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(made[0][0] + made[1][0] + made[2][0] + made[3][0], ROUNDS);
    CHECK_EQ(hidden, 0);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    a_file_replaces_a_node();
    a_node_moves();
    with_flags();
    through_symlinks();
    a_removed_directory();
    CHECK_EQ(entries("."), 0);
    one_of_several_makes_a_name();
    CHECK_EQ(entries("."), 0);
    return check_result();
}
