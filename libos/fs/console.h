#ifndef LIBOS_FS_CONSOLE_H
#define LIBOS_FS_CONSOLE_H

/* Standard input, output and error: descriptors 0, 1, 2 of the host. */
struct fdtable;
struct file;

/* Install 0, 1 and 2 in the first process's table. A host descriptor that is closed is /dev/null. */
int console_install(struct fdtable *t);
/* The terminal as /dev/tty: one that is stdin, stdout or stderr; -ENXIO when there is none. */
int console_open_tty(unsigned flags, struct file **out);

#endif
