#ifndef LIBOS_PROC_CRED_H
#define LIBOS_PROC_CRED_H

/*
 * User and group numbers as Linux changes them (capabilities(7), credentials(7)). They have no effect on
 * what files can be opened, only on what the program sees. Pure functions of struct cred; the caller holds process.mu.
 */
#include <stdbool.h>
#include <stdint.h>

struct cred;

#define CRED_LAST_CAP 40 /* CAP_CHECKPOINT_RESTORE */
#define CRED_ALL_CAPS ((UINT64_C(1) << (CRED_LAST_CAP + 1)) - 1)
#define CRED_KEEP     UINT32_MAX /* setres*id: leave as it is */

enum { CAP_SETGID = 6, CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_IPC_OWNER = 15, CAP_SYS_ADMIN = 21, CAP_SYS_RESOURCE = 24 };

bool cred_can(const struct cred *c, unsigned cap);
int cred_set_uid(struct cred *c, uint32_t uid, bool keep_caps);
int cred_set_gid(struct cred *c, uint32_t gid);
int cred_set_reuid(struct cred *c, uint32_t ruid, uint32_t euid, bool keep_caps);
int cred_set_regid(struct cred *c, uint32_t rgid, uint32_t egid);
int cred_set_resuid(struct cred *c, uint32_t ruid, uint32_t euid, uint32_t suid, bool keep_caps);
int cred_set_resgid(struct cred *c, uint32_t rgid, uint32_t egid, uint32_t sgid);
uint32_t cred_set_fsuid(struct cred *c, uint32_t uid); /* the old one, always */
uint32_t cred_set_fsgid(struct cred *c, uint32_t gid);

#endif
