#ifndef HOST_DNS_H
#define HOST_DNS_H

#include "lib/boundary/start.h"

/* Read a resolv.conf for the trusted side, which checks it again. What cannot be read or understood is left out. */
void dns_read(const char *path, struct start_dns *out);

/* One line: nameserver, search or options; anything else says nothing. */
void dns_read_line(char *line, struct start_dns *out);

#endif
