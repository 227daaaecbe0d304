#ifndef MANIFEST_OPEN_IN_H
#define MANIFEST_OPEN_IN_H

/*
 * Open a path on the host, or inside a directory that takes the place of "/" (--chroot): symbolic
 * links then resolve inside it, as openat2(2) with RESOLVE_IN_ROOT does. root < 0: the host itself.
 * Returns a descriptor (close-on-exec) or a negative errno.
 */
int open_in(int root, const char *path, int flags);

#endif
