#ifndef LIB_ENCFILE_ENCFILE_H
#define LIB_ENCFILE_ENCFILE_H

/*
 * Encrypted files in Gramine's protected-file format: version 2 is read and written; version 1 and
 * Graphene files are read, and become version 2 when they are next written.
 *
 * What it protects: contents, length within a node and bound path of a file that an untrusted host
 * stores. Changed, swapped, replayed or missing nodes are found when they are read (metadata and
 * the root of the tree at open, data lazily). What the format does NOT detect: the host giving back
 * an older whole version of a file that is closed; hiding or deleting the file; extra nodes at the
 * end; changed padding or minor version; a forged "pending" flag (which can only deny service).
 * The host sees the length in 4096-byte steps and which nodes are read and written.
 *
 * Writes are kept in memory (48 nodes) and reach the host by a flush. A flush is a transaction only
 * with a recovery file: then a flush that was cut off is undone at the next open. As in Gramine the
 * recovery file guards against death of the process, not of the machine: it is not synced.
 *
 * Thread safety is the caller's: one call at a time for each struct encfile.
 * Errors are negative errno; what exactly was wrong is in encfile_status(). Everything that says
 * the host's bytes are not the file that was asked for is -EACCES.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENCFILE_KEY_SIZE  16
#define ENCFILE_PATH_MAX  771 /* without the NUL */
#define ENCFILE_NODE_SIZE 4096
#define ENCFILE_CACHE     48 /* nodes */

/* The recovery file's name is the file's with this behind it. */
#define ENCFILE_RECOVERY_SUFFIX ".gramine.recovery"

enum encfile_status {
    ENCFILE_OK,
    ENCFILE_BAD_LENGTH,    /* empty, or not a multiple of 4096 bytes */
    ENCFILE_NOT_ENCRYPTED, /* no file id */
    ENCFILE_OTHER_VERSION, /* of a format version that we do not know */
    ENCFILE_BAD_KEY,       /* wrong key, or node 0 or the root was tampered with: no telling */
    ENCFILE_TAMPERED,      /* the key is right, a node is not */
    ENCFILE_TRUNCATED,     /* a node is missing */
    ENCFILE_OTHER_PATH,    /* bound to another path */
    ENCFILE_PATH_TOO_LONG,
    ENCFILE_RECOVERY_NEEDED, /* a flush was cut off, and there is no (usable) recovery file */
    ENCFILE_RECOVERY_FAILED, /* the recovery file did not lead to a good state */
    ENCFILE_READ_FAILED,     /* the host failed to read */
    ENCFILE_WRITE_FAILED,    /* the host failed to write; memory is intact, a flush tries again */
    ENCFILE_JOURNAL_FAILED,  /* the host failed to write the recovery file; the file is untouched */
    ENCFILE_READ_ONLY,       /* opened without ENCFILE_WRITABLE */
    ENCFILE_TOO_BIG,
    ENCFILE_NO_MEMORY,
    ENCFILE_NO_RANDOM,
    ENCFILE_STATUS_COUNT,
};

/*
 * A file of the host: the encrypted file, or its recovery file. Results are counts or negative
 * errno; read returns 0 only at the end of the file, and both may do less than asked.
 */
struct encfile_io {
    int64_t (*read)(void *file, uint64_t offset, void *buf, size_t size);
    int64_t (*write)(void *file, uint64_t offset, const void *buf, size_t size);
    int (*truncate)(void *file, uint64_t size);
    int (*sync)(void *file);
    int64_t (*size)(void *file);
};

/* What the trusted image, or a tool, gives besides. alloc returns NULL when there is no memory. */
struct encfile_env {
    void *(*alloc)(size_t size);
    void (*free)(void *p);
    int (*random)(void *buf, size_t size); /* 0 or negative errno */
};

enum encfile_flag {
    ENCFILE_WRITABLE = 1 << 0,
    ENCFILE_CREATE = 1 << 1,         /* begin an empty file and write it at once; nothing is read */
    ENCFILE_IGNORE_PENDING = 1 << 2, /* open a file that a flush left half written, as it is */
};

struct encfile_params {
    const struct encfile_env *env; /* must outlive the file */
    const struct encfile_io *io;   /* must outlive the file */
    void *file;
    void *recovery;     /* the recovery file, opened by the caller, or NULL; same io */
    const uint8_t *key; /* ENCFILE_KEY_SIZE bytes; copied */
    const char *path;   /* bound path; to check, or to write when creating; NULL: no check */
    unsigned flags;
};

struct encfile;

/*
 * Open or create a file. With a recovery file and without ENCFILE_IGNORE_PENDING, a flush that was
 * cut off is undone first (so `io` must be able to write, whatever the flags say).
 *
 * status   may be NULL; the precise reason on failure
 * Returns 0; -EACCES not this file (see status); -ENOMEM; -ENAMETOOLONG; the host's error.
 */
int encfile_open(const struct encfile_params *params, struct encfile **out,
                 enum encfile_status *status);

/*
 * Flush (without sync), wipe and free; f may be NULL. On failure the newest data are lost, the
 * error is returned, and the recovery file, if any, must be kept; on success the caller deletes it.
 */
int encfile_close(struct encfile *f);

/*
 * Read up to size bytes; 0 at or behind the end. A node that cannot be trusted ends the read: bytes
 * before it are returned as a short count, the error when there are none. Bytes of buf behind the
 * count are undefined. buf lies in memory that the host cannot reach: nodes are opened in it.
 */
int64_t encfile_read(struct encfile *f, uint64_t offset, void *buf, size_t size);

/*
 * Write; behind the end the gap is filled with zeros (real ones: the format has no holes). Returns
 * size, or less when an error stopped it after some bytes, or the error.
 */
int64_t encfile_write(struct encfile *f, uint64_t offset, const void *buf, size_t size);

/*
 * Shrinking flushes the new size and then cuts the host's file; growing writes zeros, and when it
 * fails the file may have grown in part.
 */
int encfile_set_size(struct encfile *f, uint64_t size);
uint64_t encfile_size(const struct encfile *f);

/* Bind to another path and flush. The caller renames the host's file afterwards. */
int encfile_rename(struct encfile *f, const char *path);

/* Hand everything to the host; encfile_sync also asks the host to make it durable. */
int encfile_flush(struct encfile *f);
int encfile_sync(struct encfile *f);

/* The path the file is bound to. */
const char *encfile_path(const struct encfile *f);
/* Was the "write pending" flag set when the file was opened (and ENCFILE_IGNORE_PENDING given)? */
bool encfile_was_pending(const struct encfile *f);
/* Version the file had on disk: 1 or 2. */
unsigned encfile_version(const struct encfile *f);

/* Why the last failing call failed. */
enum encfile_status encfile_status(const struct encfile *f);
/* One clause for a person, for instance "wrong key, or the file was tampered with". */
const char *encfile_status_text(enum encfile_status status);

#endif
