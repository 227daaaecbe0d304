#ifndef LIBOS_FS_KEYS_H
#define LIBOS_FS_KEYS_H

/* Keys of encrypted mounts, by name: /dev/attestation/keys/NAME. Objects live for ever. */
#include <stdbool.h>
#include <stdint.h>

#define FILE_KEY_SIZE 16

struct file_key;

/* The plan's insecure keys, and in an enclave the sealing keys. */
int keys_init(void);
/* The object of this name, made (unset) when it is not there. NULL: no memory. */
struct file_key *key_get(const char *name);
/* The object of this name if there is one. */
struct file_key *key_find(const char *name, uint64_t length);
/* By number, for listing; NULL behind the last. */
struct file_key *key_at(uint64_t number);

const char *key_name(const struct file_key *k);
bool key_is_sealing(const struct file_key *k); /* may not be written */
/* Copy the key out; false when it is not set. */
bool key_read(struct file_key *k, uint8_t out[FILE_KEY_SIZE]);
void key_set(struct file_key *k, const uint8_t key[FILE_KEY_SIZE]);

#endif
