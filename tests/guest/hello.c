/* Arguments, environment, auxiliary vector, standard streams, exit code. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    printf("hello with %d arguments", argc - 1);
    for (int i = 1; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf("\nHOME is %s, page size %lu, uid %s, environment %s\n", getenv("HOME") ? getenv("HOME") : "unset",
           getauxval(AT_PAGESZ), getauxval(AT_UID) == getuid() ? "agrees" : "differs", getauxval(AT_RANDOM) ? "complete" : "without AT_RANDOM");
    fprintf(stderr, "to stderr\n");
    char line[64];
    while (fgets(line, sizeof(line), stdin))
        fputs(line, stdout);
    return argc > 1 ? atoi(argv[1]) : 0;
}
