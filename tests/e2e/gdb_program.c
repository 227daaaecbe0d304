/* What gdb_test.py looks at: a known chain of calls, a thread that waits, and a crash on request. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int g_pipe[2];

static __attribute__((noinline)) int innermost(int number)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "number %d\n", number);
    return (int)write(1, line, (size_t)length);
}

static __attribute__((noinline)) int outer(int number)
{
    return innermost(number + 1) + 1;
}

static void *waiting_thread(void *arg)
{
    char c;
    return read(g_pipe[0], &c, 1) == 1 ? arg : NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    void *result;
    if (pipe(g_pipe) || pthread_create(&t, NULL, waiting_thread, argv))
        return 2;
    usleep(100 * 1000); /* it waits */
    outer(41);
    if (write(g_pipe[1], "x", 1) != 1 || pthread_join(t, &result) || result != argv)
        return 3;
    if (argc > 1 && strcmp(argv[1], "crash") == 0)
        *(volatile int *)8 = 1;
    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        pause();
    return 0;
}
