#ifndef LIBOS_FS_TMPFS_DATA_H
#define LIBOS_FS_TMPFS_DATA_H

/*
 * Content of a file in memory: a table of pages, absent ones are zeros. A range that is mapped shared is
 * one contiguous run of pages at fixed addresses from then on.
 */
#include "enclave/sync.h"
#include "libos/fs/page_tree.h"
#include "libos/sys/iobuf.h"

struct tmpfs_data {
    struct mutex mu;
    uint64_t size;       /* mu; read without for stat */
    struct page_tree pages; /* mu; absent: zeros */
    uint64_t resident;   /* mu: pages present */
    uint8_t *run;        /* mu: contiguous memory of pages [0, run_pages); NULL: none */
    uint64_t run_pages;
};

void tmpfs_data_init(struct tmpfs_data *d);
void tmpfs_data_fini(struct tmpfs_data *d);
int64_t tmpfs_data_read(struct tmpfs_data *d, struct iobuf *b, uint64_t offset);
/* append: at the end, whatever *offset says; *offset is advanced. seals: F_SEAL_GROW limits to the present size. */
int64_t tmpfs_data_write(struct tmpfs_data *d, struct iobuf *b, uint64_t *offset, bool append, bool may_grow);
int tmpfs_data_resize(struct tmpfs_data *d, uint64_t size);
int tmpfs_data_reserve(struct tmpfs_data *d, uint64_t offset, uint64_t size);
void tmpfs_data_punch(struct tmpfs_data *d, uint64_t offset, uint64_t size);
/* Address of contiguous pages that stay where they are; 0 when there is no memory. */
uint64_t tmpfs_data_share(struct tmpfs_data *d, uint64_t offset, uint64_t size);

#endif
