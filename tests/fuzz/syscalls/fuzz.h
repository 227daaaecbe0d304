#ifndef TESTS_FUZZ_SYSCALLS_FUZZ_H
#define TESTS_FUZZ_SYSCALLS_FUZZ_H

/*
 * The fuzzer of the system-call table: what its files share. Start with main.c. It is an ordinary
 * Linux program, but runs inside Cloister only (main.c refuses to start elsewhere): some of what it
 * calls would do harm as root on Linux.
 *
 * Nothing here uses thread-local storage, errno or malloc once the threads run: victims (victim.c)
 * have none.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/syscall_kinds.h"

#define PAGE    4096ul
#define WORKERS 4 /* threads that call; slot WORKERS is the victim's */
#define SLOTS   (WORKERS + 1)
#define SLAB_SIZE                                                                                  \
    (96 * 1024ul) /* memory that calls of one thread may write; a guard stands behind it */
#define ROOMS_SIZE (32 * 1024ul) /* of it: structures */
/*
 * A stack for signals: of each of the 64 a frame, of 16 KiB at most, and none twice, for each is
 * blocked while its handler runs. Standard signals with SA_NODEFER may come again, but no two of a
 * kind wait at a time.
 */
#define SIGNAL_STACK (1ul << 20)
#define FIELD_SIZE   (64ul << 20) /* addresses that memory calls may change as they like */
#define LOG_FD       800          /* our way to speak: no call gets it */
#define FD_MOST      700
#define LAST         32 /* calls remembered per thread */
#define USER_TOP     0x7ffffffff000ul

struct row {
    uint16_t nr;
    uint8_t count;
    uint8_t kind[6];
    const char *name, *arg[6];
};

extern const struct row g_rows[];
extern const unsigned g_row_count;

/* One call as it is remembered, in a file of the host so that it survives a crash. Layout known to
 * run.py. */
struct call {
    uint64_t sequence; /* 0: never used */
    uint64_t nr, args[6];
    int64_t result;
    uint64_t ended;
};

/* What one thread is. */
struct slot {
    uint64_t random;
    uint64_t sequence; /* calls begun; relaxed atomics: the watchdog reads it */
    uint32_t inside;   /* in a call now */
    int32_t tid;       /* 0: no thread */
    uint8_t *slab, *signal_stack;
    uint64_t slab_used;
    struct call *calls;     /* [LAST] */
    uint64_t kicked, since; /* watchdog: sequence seen last, and when (ms) */
    uint64_t looks;         /* how often it was seen since */
    bool victim;
};

extern struct slot g_slots[SLOTS];
extern uint64_t g_counts[], g_successes[]; /* by row */
extern uint8_t *g_field;
extern int g_pid;
extern bool g_drop; /* this run may give up its privileges */

/* raw.c */
int64_t raw6(uint64_t nr, const uint64_t args[6]);
int64_t raw_call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                 uint64_t f);
#define RAW(nr, ...) RAW_(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_(nr, a, b, c, d, e, f, ...)                                                            \
    raw_call((nr), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e),      \
             (uint64_t)(f))
int32_t raw_clone(uint64_t flags, void *stack_top, int32_t *tid, void (*start)(void *),
                  void *argument);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t now_ms(void);
uint64_t rnd(struct slot *s);
static inline uint64_t below(struct slot *s, uint64_t n)
{
    return rnd(s) % n;
}
static inline bool chance(struct slot *s, unsigned percent)
{
    return below(s, 100) < percent;
}
#define PICK(s, array) ((array)[below((s), sizeof(array) / sizeof((array)[0]))])

/* table.c */
int row_of(const char *name); /* -1 */

/* world.c: what calls find: files, descriptors, memory; and what they must leave alone */
void world_start(void);   /* once, before threads */
void world_protect(void); /* once, when all threads have their stacks */
bool world_is_protected(uint64_t start, uint64_t size);
void world_renew(void);
/* world_files.c */
_Noreturn void world_no_start(const char *path); /* a file cannot be made or entered */
void world_make_files(void);
void world_make_descriptors(void); /* a phase begins: descriptors, files, memory as at the start */
void world_clean(void);            /* a phase has ended: nothing is left */
void world_check(void);            /* nobody wrote into what is only ours */
uint64_t world_used(void);         /* KiB that the library OS has for itself */
uint64_t world_brk(void);
uint64_t world_segment(void); /* of shared memory, for shmat */
const char *world_root(void); /* "/" */
const char *world_path(struct slot *s);
bool world_is_path(uint64_t address); /* is it one of those? */
const char *world_name(struct slot *s);
uint64_t world_mask(struct slot *s); /* address of a signal mask without the watchdog's signal */
uint64_t world_mask_argument(struct slot *s); /* the same for pselect6 */
bool world_is_mask(uint64_t address); /* exactly one of those: between two there are others */
bool world_is_mask_argument(uint64_t address);
uint64_t world_address(struct slot *s, uint64_t *size);
uint64_t world_bad_address(struct slot *s);
uint64_t world_no_code(struct slot *s); /* an address to jump to, and fault */

/* sweep.c: nothing is left of the files that calls made */
void sweep_start(void); /* once: what is there now stays */
void sweep_all(void);
void sweep_tell(const char *path); /* what is in a directory */

/* values.c: arguments by kind */
uint64_t value_of(struct slot *s, const struct row *r, unsigned argument);
uint64_t value_pointer(struct slot *s);
uint64_t value_room(struct slot *s, uint64_t size); /* of the slab, filled with something */
uint64_t value_fd(struct slot *s);
uint64_t value_length(struct slot *s);
uint64_t value_interesting(struct slot *s);

/* structs.c: arguments that are structures */
bool struct_of(struct slot *s, const struct row *r, unsigned argument, uint64_t *value);

/* rules.c: which calls with which arguments must not be made, and how to make those that need care
 */
bool rules_allow(struct slot *s, const struct row *r, uint64_t args[6]);
int64_t rules_make(const struct row *r, const uint64_t args[6]);

/* work.c */
void work_once(struct slot *s);
/* Remembered, and watched while it lasts. r: NULL for a number without a row. */
int64_t work_call(struct slot *s, uint64_t nr, const struct row *r, const uint64_t args[6]);
void signals_install(void);
void signals_handler(int sig);
void signals_restorer(void);

/* victim.c: threads that end in every way */
bool victim_tend(bool more); /* is one alive? */
bool victim_owns(uint64_t rsp);

/* selfcheck.c: does the library OS still work? */
void selfcheck(void);

#endif
