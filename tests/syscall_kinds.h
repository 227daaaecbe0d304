#ifndef TESTS_SYSCALL_KINDS_H
#define TESTS_SYSCALL_KINDS_H

/* The kinds of arguments in libos/sys/syscalls.def, for those who read its rows: the fuzzer and
 * bad_arguments.c. */
enum kind {
    K_NONE,
    K_fd,
    K_dirfd,
    K_addr,
    K_in,
    K_out,
    K_path,
    K_str,
    K_len,
    K_off,
    K_int,
    K_uint,
    K_long,
    K_ulong,
    K_prot,
    K_map,
    K_oflags,
    K_mode,
    K_sig,
    K_pid,
    K_uid,
    K_clock,
    K_atflags
};

#endif
