#ifndef TEXT_PROBLEM_H
#define TEXT_PROBLEM_H

/*
 * Why something failed, in words: "which: why", without the program's name and without a newline.
 * Functions that can fail for reasons a person must act on take one and fill it when they return
 * a negative errno.
 */
struct problem {
    char text[1024];
};

/* Write the text (cut if too long) and return `error`, so that callers can `return
 * problem_set(...)`. */
int problem_set(struct problem *p, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
