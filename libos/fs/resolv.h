#ifndef LIBOS_FS_RESOLV_H
#define LIBOS_FS_RESOLV_H

/* The host's name and resolver settings (sys.enable_extra_runtime_domain_names_conf): each value is checked, and
 * /etc/resolv.conf is written anew from what passed. */
#include <stdbool.h>

#include "lib/boundary/start.h"
#include "libos/fs/text.h"
#include "libos/fs/vfs.h"

/* At start, always: settle g_machine.hostname. -EINVAL: the host's settings break the limits of struct start_dns. */
int resolv_check(void);

/* mount_constructor: a root that is the file itself. */
int resolv_mount(struct mount *m);

/* Letters, digits, '-' and '.'; labels of 1 to 63 without '-' at either end; NUL within size, 1 to 254 characters. */
bool resolv_is_domain(const char *name, size_t size);

/* The text of resolv.conf; values that do not pass are left out. */
void resolv_write(const struct start_dns *dns, struct text *t);

#endif
