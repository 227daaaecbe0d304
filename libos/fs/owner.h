#ifndef LIBOS_FS_OWNER_H
#define LIBOS_FS_OWNER_H

/* Who is sent signals about a file: F_SETOWN, F_SETSIG. */
#include <stdint.h>

struct file;

enum file_owner_type { FILE_OWNER_THREAD, FILE_OWNER_PROCESS, FILE_OWNER_GROUP }; /* F_OWNER_* */

/* id 0: nobody. -ESRCH. */
int file_set_owner(struct file *f, enum file_owner_type type, int32_t id);
/* 0: the default, SIGIO. -EINVAL. */
int file_set_signal(struct file *f, uint64_t sig);
/* Something happened on descriptor fd; reason: LINUX_POLL_*. */
void file_signal_owner(struct file *f, int fd, int reason);

#endif
