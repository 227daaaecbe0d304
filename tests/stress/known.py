"""What does not pass yet though it does natively, and why: (stressor, mode or *) -> cause."""
NO_CALL = 'the call answers ENOSYS'
ALONE = 'kill(-1) with nobody else to signal is ESRCH, as on Linux; natively there are other processes'

KNOWN = {
    ('aiol', '*'): 'answers as a kernel without AIO', ('dnotify', '*'): 'no /proc/sys/fs/dir-notify-enable', ('fiemap', '*'): 'no FS_IOC_FIEMAP',
    ('cyclic', '*'): 'no operation is counted; real-time policies and SCHED_DEADLINE are EPERM here',
    ('kill', '*'): ALONE,
    ('loop', '*'): 'no /dev/loop-control', ('remap', '*'): 'remap_file_pages shows one page at two addresses, which an enclave cannot: the call answers ENOSYS',
    ('msyncmany', 'soft'): 'shared mappings of a host file in an enclave are copies: two of the same page do not see each other (libos/mm/README.md)',
    ('netlink-proc', '*'): 'netlink: NETLINK_ROUTE only',
    ('netlink-task', '*'): 'netlink: NETLINK_ROUTE only',
    ('secretmem', '*'): NO_CALL,
    ('sockdiag', '*'): 'netlink: NETLINK_ROUTE only', ('unshare', '*'): NO_CALL,
    ('sleep', 'soft'): 'no leak: its threads are still being made, and the 8 MiB stack of each is committed whole in an enclave',
    ('malloc', 'soft'): 'its allocations still grow (natively too, in other runs)',
    ('io-uring', '*'): 'answers as a kernel without io_uring',
}
