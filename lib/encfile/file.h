#ifndef LIB_ENCFILE_FILE_H
#define LIB_ENCFILE_FILE_H

/* struct encfile, open inside this room; and the host's file, read and written in whole pieces. */
#include "lib/base/list.h"
#include "lib/crypto/aes.h"
#include "lib/encfile/encfile.h"
#include "lib/encfile/format.h"

#define CACHE_BUCKETS 64
#define STAGE_NODES   16

/* A node in memory, in the clear. */
struct encfile_node {
    struct list link;          /* in encfile.lru (most recent first), or in encfile.spare */
    uint64_t number;           /* as on disk; 0: holds nothing */
    struct encfile_node *next; /* in the same bucket */
    bool dirty;
    bool fresh;     /* never written to the host */
    bool journaled; /* its old content stands in the recovery file of the flush under way */
    uint8_t *data;  /* NODE_SIZE bytes, allocated at first use */
};

struct encfile {
    const struct encfile_env *env;
    const struct encfile_io *io;
    void *file, *recovery;
    unsigned flags;
    unsigned version;
    enum encfile_status status;
    bool was_pending;

    uint64_t size;
    bool meta_dirty, root_dirty;
    bool flushing;      /* the host's file may be torn: nodes of an unfinished flush were written */
    uint64_t journaled; /* bytes of the recovery file that belong to the flush under way */

    struct list lru, spare;
    struct encfile_node nodes[ENCFILE_CACHE];
    struct encfile_node *buckets[CACHE_BUCKETS]; /* by number % CACHE_BUCKETS */
    uint8_t *stage; /* STAGE_NODES sealed nodes on their way out; allocated at the first flush */

    uint8_t key[AES128_KEY_SIZE];
    uint8_t header[4096]; /* node 0 as it is on disk, in version 2 form */
    uint8_t meta[META_SIZE];
    uint8_t root[4096];
};

extern const uint8_t encfile_zero_iv[GCM_IV_SIZE];

/* Note why, and return the error. */
int encfile_fail(struct encfile *f, enum encfile_status status, int error);

/* Whole pieces. Reading: 0; -ENODATA when the file ends before; the host's error. */
int encfile_io_read(const struct encfile_io *io, void *file, uint64_t offset, void *buf,
                    size_t size);
int encfile_io_write(const struct encfile_io *io, void *file, uint64_t offset, const void *buf,
                     size_t size);

#endif
