"""What does not pass yet though it does natively, and why: (stressor, mode or *) -> cause."""
NO_CALL = 'the call answers ENOSYS'
ALONE = 'kill(-1) with nobody else to signal is ESRCH, as on Linux; natively there are other processes'

KNOWN = {
    ('aiol', '*'): 'answers as a kernel without AIO', ('dnotify', '*'): 'no /proc/sys/fs/dir-notify-enable', ('fiemap', '*'): 'no FS_IOC_FIEMAP',
    ('cyclic', '*'): 'no operation is counted; real-time policies and SCHED_DEADLINE are EPERM here',
    ('kill', '*'): ALONE,
    ('loop', '*'): 'no /dev/loop-control', ('remap', '*'): 'it shows one page of anonymous memory at two addresses, which an enclave cannot: EOPNOTSUPP (files of the host can be remapped)',
    ('env', 'soft'): 'it asks for more environment until there is no memory: the 2 GiB of the enclave are used up before its time is, and it ends with status 3',
    ('msyncmany', 'soft'): 'shared mappings of a host file in an enclave are copies: two of the same page do not see each other (libos/mm/README.md)',
    ('netlink-proc', '*'): 'netlink: NETLINK_ROUTE only',
    ('netlink-task', '*'): 'netlink: NETLINK_ROUTE only',
    ('secretmem', '*'): NO_CALL,
    ('sockdiag', '*'): 'netlink: NETLINK_ROUTE only', ('unshare', '*'): NO_CALL,
    # In an enclave a page stays resident once it was touched: giving it back only closes it (enclave/sgx/main.c, sgx_pages_release).
    ('sleep', 'soft'): 'no leak: its threads are still being made, and the stacks they touch stay resident in an enclave; 54 MiB from 22 s on, the same at 30 s',
    ('malloc', 'soft'): 'no leak: its memory wanders over the heap, and what it ever touched stays resident in an enclave; 188 MiB in direct and natively',
    # Seen natively: strace -f -E LD_PRELOAD=fork_thread.so -e trace=fcntl -e inject=fcntl:delay_enter=300000:when=8194 (the F_SETFL)
    # gives not one SIGIO and no operation, without the delay 28578.
    ('sigio', '*'): 'a race of its own: if its child has filled the pipe before O_ASYNC is set no signal comes, natively too; ends by the SIGPIPE of its child, or with no operation',
    ('io-uring', '*'): 'answers as a kernel without io_uring',
}
