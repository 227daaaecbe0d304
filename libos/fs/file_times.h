#ifndef LIBOS_FS_FILE_TIMES_H
#define LIBOS_FS_FILE_TIMES_H

/* Times of files that we keep ourselves: nanoseconds since 1970, before it too. */
#include "lib/linux/stat.h"
#include "lib/linux/time.h"

static inline struct linux_timespec file_time(int64_t ns)
{
    struct linux_timespec t = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
    if (t.nsec < 0) {
        t.sec--;
        t.nsec += NSEC_PER_SEC;
    }
    return t;
}

/* One of utimensat's two. */
static inline void file_time_set(int64_t *slot, const struct linux_timespec *t, int64_t now)
{
    if (t->nsec == LINUX_UTIME_NOW)
        *slot = now;
    else if (t->nsec != LINUX_UTIME_OMIT)
        *slot = t->sec * NSEC_PER_SEC + t->nsec;
}

#endif
