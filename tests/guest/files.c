/* Files by descriptor: open flags, read, write, positions, truncation, append, unlinked files, vectors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "check.h"

static void open_flags(void)
{
    unlink("new");
    CHECK_ERRNO(open("new", O_RDONLY), ENOENT);
    int fd = open("new", O_CREAT | O_EXCL | O_RDWR, 0640);
    NEED(fd >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(open("new", O_CREAT | O_EXCL | O_RDWR, 0640), EEXIST);
    CHECK_ERRNO(open("new", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open("new/x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open(".", O_RDWR), EISDIR);
    CHECK_ERRNO(open(".", O_WRONLY | O_CREAT, 0600), EISDIR);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    fd = open("new", O_RDONLY);
    CHECK_ERRNO(write(fd, "x", 1), EBADF);
    close(fd);
    fd = open("new", O_WRONLY);
    CHECK_ERRNO(read(fd, &fd, 1), EBADF);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    close(fd);
    fd = open("new", O_RDWR | O_CLOEXEC | O_APPEND);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
    CHECK_EQ(write(fd, "one", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(write(fd, "two", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    char text[8] = "";
    CHECK_EQ(pread(fd, text, 8, 0), 6);
    CHECK(memcmp(text, "onetwo", 6) == 0);
    close(fd);
    fd = open("new", O_RDWR | O_TRUNC);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    close(fd);
}

static void positions(void)
{
    char text[32] = "";
    int fd = open("pos", O_CREAT | O_TRUNC | O_RDWR, 0600);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(lseek(fd, -3, SEEK_END), 7);
    CHECK_EQ(read(fd, text, 10), 3);
    CHECK_EQ(read(fd, text, 10), 0);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
    CHECK_ERRNO(pread(fd, text, 1, -1), EINVAL);
    CHECK_EQ(pread(fd, text, 4, 2), 4);
    CHECK(memcmp(text, "2345", 4) == 0);
    CHECK_EQ(pwrite(fd, "ab", 2, 20), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(pread(fd, text, 22, 0), 22);
    CHECK(memcmp(text, "0123456789\0\0\0\0\0\0\0\0\0\0ab", 22) == 0);
    CHECK_EQ(ftruncate(fd, 5), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 5);
    CHECK_EQ(ftruncate(fd, 9), 0);
    CHECK_EQ(pread(fd, text, 22, 0), 9);
    CHECK(memcmp(text, "01234\0\0\0\0", 9) == 0);
    CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
    CHECK_EQ(truncate("pos", 2), 0);
    CHECK_EQ(pread(fd, text, 22, 0), 2);
    close(fd);
    CHECK_ERRNO(read(fd, text, 1), EBADF);
    CHECK_ERRNO(close(fd), EBADF);
}

static void descriptors(void)
{
    char c = 0;
    int fd = open("dup", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(write(fd, "abc", 3), 3);
    int two = dup(fd);
    CHECK(two > fd);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(read(two, &c, 1), 1);
    CHECK_EQ(c, 'b');
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
    CHECK_EQ(dup2(fd, 77), 77);
    CHECK_EQ(dup3(fd, 78, O_CLOEXEC), 78);
    CHECK_EQ(fcntl(78, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_EQ(fcntl(fd, F_DUPFD, 90), 90);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 90), 91);
    CHECK_ERRNO(dup2(1000, 5), EBADF);
    for (int i = 77; i < 92; i++)
        close(i);
    close(two);
    close(fd);
    int lowest = open("dup", O_RDONLY);
    CHECK_EQ(lowest, fd);
    close(lowest);
}

static void unlinked_and_renamed(void)
{
    struct stat st;
    char text[8];
    int fd = open("gone", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(write(fd, "still", 5), 5);
    CHECK_EQ(unlink("gone"), 0);
    CHECK_ERRNO(stat("gone", &st), ENOENT);
    CHECK_ERRNO(unlink("gone"), ENOENT);
    CHECK_EQ(pread(fd, text, 8, 0), 5);
    CHECK_EQ(write(fd, "here", 4), 4);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 9);
    CHECK_EQ(st.st_nlink, 0);
    close(fd);
    fd = open("old", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(write(fd, "data", 4), 4);
    unlink("newer");
    CHECK_EQ(rename("old", "newer"), 0);
    CHECK_ERRNO(rename("old", "newer"), ENOENT);
    CHECK_EQ(stat("newer", &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(write(fd, "more", 4), 4);
    CHECK_EQ(stat("newer", &st), 0);
    CHECK_EQ(st.st_size, 8);
    close(fd);
    fd = open("target", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(rename("newer", "target"), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(stat("target", &st), 0);
    CHECK_EQ(st.st_size, 8);
    close(fd);
    CHECK_EQ(mkdir("adir", 0700), 0);
    CHECK_ERRNO(rename("target", "adir"), EISDIR);
    CHECK_ERRNO(rename("adir", "target"), ENOTDIR);
    CHECK_ERRNO(unlink("adir"), EISDIR);
    CHECK_ERRNO(rmdir("target"), ENOTDIR);
    CHECK_EQ(rmdir("adir"), 0);
}

static void vectors(void)
{
    char a[3], b[4];
    struct iovec out[] = { { (char *)"abc", 3 }, { (char *)"", 0 }, { (char *)"defg", 4 } }, in[] = { { a, 3 }, { b, 4 } };
    int fd = open("vec", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(writev(fd, out, 3), 7);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(readv(fd, in, 2), 7);
    CHECK(memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0);
    CHECK_EQ(preadv(fd, in, 2, 2), 5);
    CHECK(memcmp(a, "cde", 3) == 0 && memcmp(b, "fg", 2) == 0);
    CHECK_EQ(pwritev(fd, out, 1, 7), 3);
    CHECK_ERRNO(syscall(SYS_readv, fd, in, -1), EINVAL);
    CHECK_ERRNO(syscall(SYS_writev, fd, out, 1025), EINVAL);
    int to = open("copy", O_CREAT | O_TRUNC | O_RDWR, 0600);
    off_t from = 1;
    CHECK_EQ(sendfile(to, fd, &from, 100), 9);
    CHECK_EQ(from, 10);
    CHECK_EQ(pread(to, a, 3, 0), 3);
    CHECK(memcmp(a, "bcd", 3) == 0);
    close(fd);
    close(to);
}

static void big_file(void)
{
    enum { SIZE = 3 << 20 };
    static unsigned char data[SIZE], back[SIZE];
    for (unsigned i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 7 + (i >> 11));
    int fd = open("big", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK_EQ(write(fd, data, SIZE), SIZE);
    CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
    CHECK(memcmp(data, back, SIZE) == 0);
    CHECK_EQ(pread(fd, back, 5000, SIZE - 3000), 3000);
    CHECK(memcmp(data + SIZE - 3000, back, 3000) == 0);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    close(fd);
    unlink("big");
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    open_flags();
    positions();
    descriptors();
    unlinked_and_renamed();
    vectors();
    big_file();
    return check_result();
}
