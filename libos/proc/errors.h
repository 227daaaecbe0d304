#ifndef LIBOS_PROC_ERRORS_H
#define LIBOS_PROC_ERRORS_H

/* Words for the errno values that starting a program can meet. */
const char *errno_text(int err); /* err: positive or negative */

#endif
