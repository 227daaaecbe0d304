#ifndef LIBOS_FS_PROC_FS_H
#define LIBOS_FS_PROC_FS_H

/*
 * The loaders of /proc, by file: proc_text.c (one process), proc_system.c (the machine), proc_ipc.c (System V IPC). id->a is the
 * process id, id->b the thread id or descriptor.
 */
#include "libos/fs/pseudo.h"

struct file;
struct process;

/* The process of an id, counted; NULL when it is gone. */
struct process *proc_process(const struct pseudo_id *id);
/* The number of the process that an open /proc/PID is about; 0: another file. */
int32_t proc_directory_pid(const struct file *f);

int proc_load_maps(const struct pseudo_id *id, struct text *t);
int proc_load_smaps(const struct pseudo_id *id, struct text *t);
int proc_load_cmdline(const struct pseudo_id *id, struct text *t);
int proc_load_environ(const struct pseudo_id *id, struct text *t);
int proc_load_auxv(const struct pseudo_id *id, struct text *t);
int proc_load_stat(const struct pseudo_id *id, struct text *t);
int proc_load_statm(const struct pseudo_id *id, struct text *t);
int proc_load_status(const struct pseudo_id *id, struct text *t);
int proc_load_comm(const struct pseudo_id *id, struct text *t);
int proc_store_comm(const struct pseudo_id *id, const void *data, size_t size);
int proc_load_limits(const struct pseudo_id *id, struct text *t);
int proc_load_mounts(const struct pseudo_id *id, struct text *t);
int proc_load_mountinfo(const struct pseudo_id *id, struct text *t);
int proc_load_fdinfo(const struct pseudo_id *id, struct text *t);
int proc_load_cgroup(const struct pseudo_id *id, struct text *t);

extern const struct pseudo_node proc_sys_children[], proc_sysvipc_children[];
int proc_load_ipc_limit(const struct pseudo_id *id, struct text *t); /* by the row's name */
int proc_load_meminfo(const struct pseudo_id *id, struct text *t);
int proc_load_cpuinfo(const struct pseudo_id *id, struct text *t);
int proc_load_system_stat(const struct pseudo_id *id, struct text *t);
int proc_load_version(const struct pseudo_id *id, struct text *t);
int proc_load_uptime(const struct pseudo_id *id, struct text *t);
int proc_load_loadavg(const struct pseudo_id *id, struct text *t);
int proc_load_filesystems(const struct pseudo_id *id, struct text *t);

#endif
