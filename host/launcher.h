#ifndef HOST_LAUNCHER_H
#define HOST_LAUNCHER_H

/*
 * The launcher as a function: the whole of cloister-host, and of `cloister run` once it has found out what to launch
 * (one program to start instead of two). The process is the launcher's from here on.
 *
 * argv   the words of cloister-host's command line: host/options.h
 * Returns only when nothing was launched: the exit status, after a message or --help.
 */
int launcher_main(int argc, char **argv);

#endif
