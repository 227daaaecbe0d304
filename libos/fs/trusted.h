#ifndef LIBOS_FS_TRUSTED_H
#define LIBOS_FS_TRUSTED_H

/* Content of trusted files: what leaves these functions has the measured digest. */
#include "enclave/sync.h"
#include "libos/sys/iobuf.h"

struct plan_trusted;
struct trusted;

/* The last verified piece, for small sequential reads. One per open file; zero at first. */
struct trusted_cache {
    struct mutex mu;
    uint8_t *piece;   /* mu; NULL until needed */
    uint64_t first;   /* mu: offset of piece in the file */
    uint64_t size;    /* mu: verified bytes in it; 0: none */
};

/*
 * State for one trusted file, shared by all who have it open. host_fd is open for reading and only
 * borrowed. -EPERM when the content is not the measured one (a plain sha256 is checked here).
 */
int trusted_get(const struct plan_trusted *entry, int host_fd, struct trusted **out);
void trusted_put(struct trusted *t); /* NULL is fine */
uint64_t trusted_size(const struct trusted *t);
const struct plan_trusted *trusted_entry(const struct trusted *t);

int64_t trusted_read(struct trusted *t, int host_fd, struct trusted_cache *cache, struct iobuf *b, uint64_t offset);
/* Into memory of ours or freshly committed pages. offset is page-aligned. Short at the end of the file. */
int64_t trusted_read_pages(struct trusted *t, int host_fd, uint64_t offset, void *dst, uint64_t size);
void trusted_cache_fini(struct trusted_cache *cache);

#endif
