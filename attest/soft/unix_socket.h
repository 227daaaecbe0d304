#ifndef ATTEST_UNIX_SOCKET_H
#define ATTEST_UNIX_SOCKET_H

/* Unix stream sockets by path. */

/* Returns a connected descriptor with send and receive timeouts, or -errno. */
int unix_connect(const char *path, unsigned timeout_ms);
/* Replace what stands at path and listen there, mode 0600. Returns a non-blocking descriptor or -errno. */
int unix_listen(const char *path);

#endif
