#ifndef LIB_LINUX_AUXV_H
#define LIB_LINUX_AUXV_H

/* Auxiliary vector entries. Source: include/uapi/linux/auxvec.h, arch/x86/include/uapi/asm/auxvec.h. */
enum {
    LINUX_AT_NULL = 0,
    LINUX_AT_IGNORE = 1,
    LINUX_AT_EXECFD = 2,
    LINUX_AT_PHDR = 3,
    LINUX_AT_PHENT = 4,
    LINUX_AT_PHNUM = 5,
    LINUX_AT_PAGESZ = 6,
    LINUX_AT_BASE = 7,
    LINUX_AT_FLAGS = 8,
    LINUX_AT_ENTRY = 9,
    LINUX_AT_UID = 11,
    LINUX_AT_EUID = 12,
    LINUX_AT_GID = 13,
    LINUX_AT_EGID = 14,
    LINUX_AT_PLATFORM = 15,
    LINUX_AT_HWCAP = 16,
    LINUX_AT_CLKTCK = 17,
    LINUX_AT_SECURE = 23,
    LINUX_AT_RANDOM = 25,
    LINUX_AT_HWCAP2 = 26,
    LINUX_AT_EXECFN = 31,
    LINUX_AT_SYSINFO_EHDR = 33,
    LINUX_AT_MINSIGSTKSZ = 51,
};

#endif
