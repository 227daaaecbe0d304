#ifndef HOST_CONDUCT_H
#define HOST_CONDUCT_H

/*
 * How the launcher behaves: honest.c in cloister-host, hostile.c in cloister-host-hostile, which is made of
 * the same sources otherwise, is only for tests/attack and is never installed. `--lie NAME` picks one
 * behaviour of the table in hostile.c; `--lie list` prints their names.
 */
#include "host/thread.h"

typedef int64_t serve_function(struct host_thread *t, const struct hostcall_frame *f);

/* name NULL: tell the truth. Ends the process when there is no lie of this name, and after "list". */
void conduct_choose(const char *name);

/* Serve a call, and lie about it when the chosen lie says so. */
int64_t conduct_serve(struct host_thread *t, const struct hostcall_frame *f, serve_function *honest);

/* Just before each entry: a lie may change reason and argument, or enter the enclave by itself. */
void conduct_before_enter(struct host_thread *t, uint64_t *reason, uint64_t *argument);

#endif
