/* cloister-host: the launcher as a program of its own, for cloister-tools, tests, and whoever names it with --host. */
#include "host/launcher.h"

int main(int argc, char **argv)
{
    return launcher_main(argc, argv);
}
