#ifndef ATTEST_SOFT_STATE_H
#define ATTEST_SOFT_STATE_H

/*
 * Where the software SGX device keeps its secrets and its made-up Intel: one folder of the user's.
 *
 *   device.key            32 random bytes: the "fused secret" of the software CPU (0600)
 *   pki/                  made at once, renamed into place when complete
 *     *.key               private keys (0600): root CA, PCK CA, PCK, TCB signing, attestation
 *     pck_chain.pem       leaf, intermediate, root: goes into quotes
 *     collateral/         public: what a verifier loads, and root_ca.pem, which it must be told to trust
 *   aesm.socket, lock, service.lock, service.log
 */
#include <stddef.h>
#include <stdint.h>

#define SOFT_DEVICE_KEY_SIZE 32
#define SOFT_PATH_MAX        1024

/*
 * The folder: `given` if not NULL, else ${CLOISTER_STATE_DIR}/soft, ${XDG_STATE_HOME}/cloister/soft,
 * ~/.local/state/cloister/soft; made with mode 0700 if missing.
 * Returns 0; -ENOENT no home; -ENAMETOOLONG; -EACCES it belongs to someone else; -errno.
 */
int soft_state_dir(const char *given, char *out, size_t size);
/* folder/name. Returns 0 or -ENAMETOOLONG. */
int soft_path(const char *folder, const char *name, char *out, size_t size);

/* Take the lock file `name` of the folder, waiting. Returns a descriptor to close(), or -errno. */
int soft_lock(const char *folder, const char *name);

/*
 * Read the device's secret, making it on first use. Safe against others doing the same.
 * Returns 0; -EINVAL a file of the wrong size; -EACCES a file that others may read; -errno.
 */
int attest_soft_device_key(const char *folder, uint8_t key[SOFT_DEVICE_KEY_SIZE]);

#endif
