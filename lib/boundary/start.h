#ifndef LIB_BOUNDARY_START_H
#define LIB_BOUNDARY_START_H

/*
 * What the launcher tells the trusted side, and how the image is entered.
 *
 * All of it is untrusted in an enclave: the enclave copies the struct in once, checks each range to be
 * wholly outside itself, and each value. In `direct` the pointers are used as they are.
 *
 * The two doors (DESIGN §1: the mode is known by the door, never by a value):
 *   direct   the ELF entry point: rdi = struct start *, on the launcher's stack; does not return.
 *   enclave  TCS.OENTRY, by EENTER: rax = CSSA, rbx = TCS, rcx = address after EENTER (set by
 *            hardware); rdi = enum enter_reason, rsi and rdx by reason:
 *            CSSA 0, ENTER_START:  rsi = struct start * (thread 0 only, once)
 *            CSSA 0, ENTER_THREAD: a thread made by HC_thread_create runs this TCS for the first time
 *            CSSA 0, ENTER_RETURN: back from a host call: rsi = its result,
 *                                  rdx = bit mask of host signals that arrived meanwhile (bit n-1)
 *            CSSA 1, ENTER_EVENT:  after an asynchronous exit: rsi = signal number that the host got
 *                                  (SIGSEGV, SIGILL, ... or an asynchronous one), rdx = fault address
 *                                  as the host saw it
 *            Any other combination: the enclave EEXITs with EXIT_REFUSED.
 *   EEXIT    rbx = address to go on at (the host's, taken from rcx of EENTER), rdi = enum exit_reason,
 *            rsi = struct hostcall_frame * (in the thread's staging area) for EXIT_CALL.
 *            rsp, rbp are the host's as they were at EENTER; the other general registers are zero,
 *            vector state is scrubbed, direction and alignment-check flags are clear.
 */
#include <stdint.h>

enum enter_reason { ENTER_START = 1, ENTER_THREAD, ENTER_RETURN, ENTER_EVENT };
enum exit_reason { EXIT_CALL = 1, EXIT_EVENT_DONE, EXIT_REFUSED };

#define START_RANGES_MAX 256
#define KICK_SIGNAL      63 /* host signal by which HC_thread_kick makes a thread leave user code */
#define STAGING_SIZE     (UINT64_C(256) << 10) /* per thread; the frame stands at its start */
#define STAGING_DATA     128                   /* argument copies begin here */

struct start_range {
    uint64_t address, size;
};

/* What the host's resolv.conf says, for sys.enable_extra_runtime_domain_names_conf; checked by libos/fs/resolv.c. */
#define START_NAMESERVERS 3
#define START_SEARCHES    6
#define START_DOMAIN_SIZE 256

enum start_dns_option { START_DNS_EDNS0 = 1, START_DNS_INET6 = 2, START_DNS_ROTATE = 4, START_DNS_USE_VC = 8 };

struct start_nameserver {
    uint8_t address[16]; /* IPv4: the first four */
    uint32_t is_ipv6;
};

struct start_dns {
    uint32_t nameserver_count, search_count, options;
    struct start_nameserver nameservers[START_NAMESERVERS];
    char searches[START_SEARCHES][START_DOMAIN_SIZE];
};

struct start {
    uint32_t version;                 /* BOUNDARY_VERSION */
    uint32_t thread_count;            /* TCS the launcher built; in direct: the most threads */
    uint64_t argv, argv_size;         /* NUL-terminated words after APP, one after the other */
    uint64_t envp, envp_size;         /* NUL-terminated NAME=value of the launcher's environment */
    uint64_t plan, plan_size;         /* direct only: the enclave has its own, measured */
    uint64_t image_start, image_size; /* direct only: where the image was mapped */
    uint64_t range_count;             /* direct only: address ranges that are taken (launcher, stack, vdso) */
    uint64_t ranges;                  /* direct only: struct start_range[range_count] */
    uint64_t staging;                 /* enclave: thread i's staging area is at staging + i * STAGING_SIZE */
    uint64_t cpu_features;            /* enum crypto_feature, as the host found them by cpuid */
    uint64_t tsc_hz;                  /* 0: unknown */
    uint32_t log_fd;
    uint32_t log_level;               /* of the command line; UINT32_MAX: as the plan says */
    uint32_t trace, stats;            /* --trace mask, --stats: 0 none, 1 text, 2 JSON */
    uint32_t host_pid, cpu_count;
    char hostname[65];
    char pad[7];
    uint32_t verity_fd, pad2;         /* APP.verity, opened by the launcher; UINT32_MAX: none */
    struct start_dns dns;
};

#endif
