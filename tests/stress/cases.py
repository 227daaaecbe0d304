"""Which of stress-ng's stressors are run, and where files matter, on which file system."""

# No files, or only /proc and /dev.
PLAIN = """epoll eventfd futex mmap mmapaddr mmapfixed mmapmany mremap pagemove msync madvise mincore mprotect mlock munmap brk poll
timerfd timer itimer alarm hrtimers signal sigfd sigq sigpipe sigsegv sigrt sigsuspend sigpending sigabrt sigfpe sigtrap sigchld sigio signest
sock sockpair sockfd sockmany sockabuse udp udp-flood pipe pipeherd fifo memfd shm shm-sysv sem sem-sysv msg mutex pthread switch yield clock
nanosleep sleep cyclic getrandom urandom zero null full get set env dup fcntl close io remap affinity schedpolicy resched vm vm-segv vm-addr
stack stackmmap bad-altstack malloc procfs sysfs sysinfo prctl rlimit personality kill tsc rdrand cpu vdso context longjmp loop
kcmp membarrier rseq tee splice vm-splice sendfile nop priv-instr sigsegv bigheap fault tlb-shootdown dekker peterson race-sched session
wait sysbadaddr loadavg atomic secretmem getdent numa hash tree bsearch matrix qsort vecmath funcret far-branch
netlink-task netlink-proc sockdiag aio aiol io-uring l1cache pidfd pty revio unshare mq"""

# On a directory of the host and on tmpfs.
FILES = """access chdir chmod chown dentry dir dirdeep dirmany file-ioctl filename flock fstat full hdd iomix link symlink locka lockf lockofd open
rename seek utime xattr inotify dnotify sync-file fallocate fpunch readahead copy-file mknod fsize touch verity sendfile msync mmap dev-shm 
fiemap msyncmany"""

# Not run: what their children do cannot be done by threads (it fails or hangs natively too): they wait for child processes.
NEEDS_PROCESS = {
    'access': 'a list in memory of its own',
    'bad-altstack': 'its child dies by a signal', 'dup': 'its child is killed while it opens a FIFO', 'hrtimers': 'children with timers of their own',
    'locka': 'a list in memory of its own', 'lockf': 'a list in memory of its own', 'lockofd': 'a list in memory of its own',
    'mprotect': 'memory of its own (hammer instead)', 'pipe': 'memory of its own (hammer instead)', 'session': 'setsid() in the child',
    'shm-sysv': 'attaches and detaches on both sides', 'sigabrt': 'its child dies by a signal', 'sigchld': 'its child stops and continues',
    'sigpipe': 'its child dies by a signal', 'sockpair': 'memory of its own (hammer instead)', 'sysbadaddr': 'its children die by signals',
    'sysfs': 'its child dies by a signal', 'tlb-shootdown': 'memory of its own', 'vm-segv': 'its child unmaps everything',
}

# Of hammer.c: what stress-ng's stressor of that name does in a child with memory of its own.
HAMMER = ['sockpair', 'pipe', 'mprotect']

def cases(known):
    """(name, place) of every stressor that this stress-ng has: place is '', 'host' or 'tmpfs'; 'hammer' for ours."""
    known = [n for n in known if n not in NEEDS_PROCESS]
    plain = [(n, '') for n in dict.fromkeys(PLAIN.split()) if n in known and n not in FILES.split()]
    return plain + [(n, 'hammer') for n in HAMMER] + [(n, place) for n in FILES.split() if n in known for place in ('host', 'tmpfs')]
