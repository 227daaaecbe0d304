/* Each argument is the number of a call that is answered as by a kernel without it; made with
 * zeros. In Cloister only. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        errno = 0;
        long result = syscall(atol(argv[i]), 0, 0, 0, 0, 0, 0);
        printf("%s %ld %s\n", argv[i], result, errno == ENOSYS ? "ENOSYS" : "other");
    }
    return 0;
}
