#ifndef LIB_ENCFILE_FORMAT_H
#define LIB_ENCFILE_FORMAT_H

/*
 * Facts of the encrypted-file format (Gramine "protected files", version 2): sizes, offsets and
 * node numbers. All integers on disk are little endian.
 *
 * A file is a sequence of 4096-byte nodes. Node 0 holds the metadata and the first 3072 bytes of
 * data. Behind it, in groups of 97: one MHT (Merkle hash tree) node and the 96 data nodes whose
 * keys and tags it keeps. An MHT node also keeps keys and tags of 32 child MHT nodes. Every node is
 * AES-128-GCM under a key of its own that is never used twice, hence the constant zero IV.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/assert.h"

#define NODE_SIZE       UINT64_C(4096)
#define INLINE_SIZE     UINT64_C(3072) /* data that stands in node 0 */
#define MHT_DATA_SLOTS  UINT64_C(96)
#define MHT_CHILD_SLOTS UINT64_C(32)
#define MHT_SLOT_SIZE   32 /* key, tag */
#define GROUP_NODES     (MHT_DATA_SLOTS + 1)
#define NODE_META       UINT64_C(0)
#define NODE_ROOT       UINT64_C(1)

#define FILE_ID          UINT64_C(0x46505f5346415247) /* "GRAFS_PF" */
#define FILE_ID_GRAPHENE UINT64_C(0x46505f4850415247) /* "GRAPH_PF", otherwise as version 1 */
#define MAJOR_VERSION    2
#define MAJOR_VERSION_1  1

/* Node 0 on disk. */
#define HDR_ID           0
#define HDR_MAJOR        8
#define HDR_MINOR        9
#define HDR_NONCE        10
#define HDR_NONCE_SIZE   32
#define HDR_TAG          42
#define HDR_FLAGS        58 /* not in version 1, whose sealed part begins here */
#define HDR_FLAG_PENDING 0x01
#define HDR_SEALED       59

/* Its sealed part, opened. */
#define META_SIZE      3884
#define META_PATH      0
#define META_PATH_SIZE 772
#define META_FILE_SIZE 772
#define META_ROOT_SLOT 780
#define META_INLINE    812

static_assert(META_INLINE + INLINE_SIZE == META_SIZE, "metadata");
static_assert((MHT_DATA_SLOTS + MHT_CHILD_SLOTS) * MHT_SLOT_SIZE == NODE_SIZE, "MHT node");

/* One record of the recovery file: node number, old content of the node. */
#define JOURNAL_RECORD (8 + NODE_SIZE)

/* Far above any real file, and low enough that no offset computed from it can wrap. */
#define FILE_SIZE_MAX (UINT64_C(1) << 61)

/* First byte of data node d; the node exists when the file is longer than this. */
static inline uint64_t data_start(uint64_t d)
{
    return INLINE_SIZE + d * NODE_SIZE;
}

static inline uint64_t data_at(uint64_t offset)
{
    return (offset - INLINE_SIZE) / NODE_SIZE;
}

static inline uint64_t data_mht(uint64_t d)
{
    return d / MHT_DATA_SLOTS;
}

static inline uint64_t data_node(uint64_t d)
{
    return d + 2 + data_mht(d);
}

static inline uint64_t mht_node(uint64_t m)
{
    return NODE_ROOT + GROUP_NODES * m;
}

static inline uint64_t mht_start(uint64_t m)
{
    return data_start(m * MHT_DATA_SLOTS);
}

static inline uint64_t mht_parent(uint64_t m)
{
    return (m - 1) / MHT_CHILD_SLOTS;
}

static inline bool node_is_mht(uint64_t node)
{
    return node % GROUP_NODES == NODE_ROOT;
}

/* Nodes of a file of this size. */
static inline uint64_t file_nodes(uint64_t size)
{
    return size <= INLINE_SIZE ? 1 : data_node(data_at(size - 1)) + 1;
}

#endif
