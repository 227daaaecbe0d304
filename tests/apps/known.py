"""What does not run yet, and why: (program, mode) -> cause. A cause names what is missing."""
KNOWN = {
    ('node', 'direct'): 'fs.watch needs inotify, which answers ENOSYS; without that line it runs',
    ('node', 'soft'): 'fs.watch needs inotify, which answers ENOSYS; without that line it runs',
}
