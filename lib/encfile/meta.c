/*
 * Node 0: file id, version, nonce, tag, and the sealed metadata with the first 3072 bytes of data.
 *
 * The header is in the clear and unauthenticated: nothing from it is believed but the nonce, which
 * decides the key, and the tag, which decides whether the rest is believed. Sealed parts come from
 * someone who knew the key, and are still checked for shape.
 */
#include "lib/encfile/meta.h"

#include "lib/base/str.h"
#include "lib/linux/errno.h"

static_assert(sizeof("SGX-PROTECTED-FS-METADATA-KEY") == 30, "label");

/* Not SP 800-108 proper: the integers are little endian, the label has a fixed field. */
static void derive_key(const uint8_t user_key[AES128_KEY_SIZE], const uint8_t *nonce,
                       uint8_t key[AES128_KEY_SIZE])
{
    uint8_t message[4 + 64 + HDR_NONCE_SIZE + 4] = { 0 };
    store_le32(message, 1);
    memcpy(message + 4, "SGX-PROTECTED-FS-METADATA-KEY", 29);
    memcpy(message + 68, nonce, HDR_NONCE_SIZE);
    store_le32(message + 100, 128);
    aes128_cmac(user_key, message, sizeof(message), key);
}

int encfile_meta_set_path(struct encfile *f, const char *path)
{
    size_t length = path ? str_length(path, META_PATH_SIZE) : 0;
    if (length > ENCFILE_PATH_MAX)
        return encfile_fail(f, ENCFILE_PATH_TOO_LONG, -ENAMETOOLONG);
    memset(f->meta + META_PATH, 0, META_PATH_SIZE);
    if (length)
        memcpy(f->meta + META_PATH, path, length);
    f->meta_dirty = true;
    return 0;
}

int encfile_meta_init(struct encfile *f, const char *path)
{
    store_le64(f->header + HDR_ID, FILE_ID);
    f->header[HDR_MAJOR] = MAJOR_VERSION;
    f->version = MAJOR_VERSION;
    return encfile_meta_set_path(f, path);
}

/* Version 1 lacks the flags byte: its sealed part stands one byte earlier. */
static void convert_version_1(struct encfile *f)
{
    memmove(f->header + HDR_SEALED, f->header + HDR_FLAGS, META_SIZE);
    store_le64(f->header + HDR_ID, FILE_ID);
    f->header[HDR_MAJOR] = MAJOR_VERSION;
    f->header[HDR_FLAGS] = 0;
}

int encfile_meta_accept_header(struct encfile *f)
{
    uint64_t id = load_le64(f->header + HDR_ID);
    if (id != FILE_ID && id != FILE_ID_GRAPHENE)
        return encfile_fail(f, ENCFILE_NOT_ENCRYPTED, -EACCES);
    f->version = f->header[HDR_MAJOR];
    if (f->version != MAJOR_VERSION_1 && (f->version != MAJOR_VERSION || id != FILE_ID))
        return encfile_fail(f, ENCFILE_OTHER_VERSION, -EACCES);
    if (f->version == MAJOR_VERSION_1)
        convert_version_1(f);
    f->header[HDR_MINOR] = 0;
    memset(f->header + HDR_SEALED + META_SIZE, 0, NODE_SIZE - HDR_SEALED - META_SIZE);
    return 0;
}

static bool path_matches(const struct encfile *f, const char *path)
{
    size_t stored = str_length((const char *)f->meta + META_PATH, META_PATH_SIZE);
    size_t asked = str_length(path, META_PATH_SIZE);
    return stored == asked && stored <= ENCFILE_PATH_MAX &&
           memcmp(f->meta + META_PATH, path, asked) == 0;
}

int encfile_meta_open(struct encfile *f, const char *path)
{
    uint8_t key[AES128_KEY_SIZE];
    derive_key(f->key, f->header + HDR_NONCE, key);
    int err = aes128_gcm_open(key, encfile_zero_iv, NULL, 0, f->header + HDR_SEALED, META_SIZE,
                              f->meta, f->header + HDR_TAG);
    bytes_wipe(key, sizeof(key));
    if (err)
        return encfile_fail(f, ENCFILE_BAD_KEY, -EACCES);
    if (path && !path_matches(f, path))
        return encfile_fail(f, ENCFILE_OTHER_PATH, -EACCES);
    f->meta[META_PATH + META_PATH_SIZE - 1] = 0;
    f->size = load_le64(f->meta + META_FILE_SIZE);
    if (f->size > FILE_SIZE_MAX)
        return encfile_fail(f, ENCFILE_TAMPERED, -EACCES);
    return 0;
}

int encfile_meta_seal(struct encfile *f)
{
    uint8_t nonce[HDR_NONCE_SIZE], key[AES128_KEY_SIZE];
    int err = f->env->random(nonce, sizeof(nonce));
    if (err)
        return encfile_fail(f, ENCFILE_NO_RANDOM, err);
    store_le64(f->meta + META_FILE_SIZE, f->size);
    memcpy(f->header + HDR_NONCE, nonce, sizeof(nonce));
    f->header[HDR_FLAGS] = 0;
    derive_key(f->key, nonce, key);
    aes128_gcm_seal(key, encfile_zero_iv, NULL, 0, f->meta, META_SIZE, f->header + HDR_SEALED,
                    f->header + HDR_TAG);
    bytes_wipe(key, sizeof(key));
    return 0;
}
