/*
 * Two ways to rewrite a site, both safe for threads that are anywhere in the code:
 *
 *  before  `mov $nr, %eax` (5 bytes) stands in front: it becomes a jump to a trampoline; the syscall bytes stay,
 *          so a thread or jump that lands on them still works, by trapping.
 *  after   the syscall and the first 3 bytes of the one instruction behind it become a jump; that instruction is
 *          copied to the trampoline. A thread that returns to (or jumps to) the instruction behind lands on the
 *          third byte of the jump: the trampoline is placed so that this byte is an opcode which is
 *          undefined in 64-bit mode, so it traps, and rewrite_redirect() sends it to the copy.
 *
 *  near    the syscall becomes a two-byte jump into a long nop close by, such as stand between functions: in
 *          `nopl 0(%rax,%rax,1)` (0f 1f 84 00 00000000) the SIB byte and the displacement may be anything, so they hold
 *          the jump to the trampoline, and whoever runs the nop from its start still runs a nop. Nothing behind the
 *          syscall moves.
 *
 * Which instruction stands behind is certain: execution arrived there. Which stands in front is not, on x86; it
 * is believed only when the byte pattern is `b8 imm32`, imm32 equals the number the thread came with, and the byte
 * before is neither a REX prefix nor 0f. Only private mappings of files are rewritten. Bytes are
 * changed by one aligned 8-byte store. A site that crosses such a boundary is changed only while no other thread can
 * run the program's code: there is none, or all sleep in park() and are held there (quiet_begin). Until such a moment
 * it traps.
 */
#include "libos/exec/rewrite.h"

#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/sync.h"
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"

#define JUMP_SIZE  5
#define SLOT_SIZE  64
#define COPY_OFFSET 15 /* in a slot of an `after` site: behind lea and jmp */
#define ARENA_SIZE (UINT64_C(64) << 10) /* so that a jump into it can have any third byte */
#define SLOTS      (ARENA_SIZE / SLOT_SIZE)
#define ARENAS     64
#define SITES      64   /* at first */
#define SITES_MOST 8192 /* a full table only means that further sites keep trapping */
#define REACH      (INT64_C(0x7ffe0000))

enum site_state { SITE_EMPTY, SITE_SEEN, SITE_HOPELESS, SITE_LATER, SITE_BEFORE, SITE_AFTER, SITE_NEAR };

#define TRAPS_FIRST 2   /* rewriting costs as much as some traps, and most sites of a program's start are used once */
#define LATER_MOST  200 /* SITE_LATER: so many traps without a quiet moment, and it is hopeless */

struct site {
    uint64_t address; /* of the syscall instruction */
    uint64_t copy;    /* SITE_AFTER: where the copied instruction stands; SITE_NEAR: the jump in the nop */
    uint8_t state;
    uint8_t delays; /* SITE_SEEN, SITE_LATER: traps so far */
};

struct arena {
    uint64_t base;
    uint64_t used[SLOTS / 64];
};

static struct mutex g_mu;
static struct site g_first_sites[SITES]; /* short programs touch one page of them */
static struct site *g_sites = g_first_sites; /* g_mu; hashed by address, linear probing */
static uint32_t g_site_room = SITES;         /* g_mu; a power of two */
static uint32_t g_site_count;                /* g_mu */
static struct arena g_arenas[ARENAS]; /* g_mu */
static uint32_t g_arena_count;       /* g_mu */
static struct rewrite_stats g_stats; /* g_mu, but traps is atomic */
static bool g_quiet;                 /* g_mu: between quiet_begin() and quiet_end() no other thread runs the program */

/* Whoever is not asleep may be in the program's code, or on the way there. */
static bool others_sleep(struct process *p)
{
    bool asleep = true;
    mutex_lock(&p->mu);
    list_for_each(it, &p->threads) {
        const struct thread *t = list_entry(it, struct thread, link);
        if (t != current() && (!t->tb || !park_is_asleep(t->tb)))
            asleep = false;
    }
    mutex_unlock(&p->mu);
    return asleep;
}

static void quiet_begin(void)
{
    park_hold();
    g_quiet = others_sleep(current()->process);
}

static void quiet_end(void)
{
    g_quiet = false;
    park_let_go();
}

/* Undefined one-byte opcodes in 64-bit mode (SDM vol. 2, appendix A, table A-2, superscript i64). */
static bool traps_as_opcode(uint8_t byte)
{
    static const uint8_t undefined[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
                                         0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xea };
    for (size_t i = 0; i < sizeof(undefined); i++)
        if (byte == undefined[i])
            return true;
    return false;
}

static struct site *site_slot(uint64_t address)
{
    uint64_t h = address * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    for (uint32_t i = 0; i < 64; i++) {
        struct site *s = &g_sites[(h + i) % g_site_room];
        if (s->state == SITE_EMPTY || s->address == address)
            return s;
    }
    return NULL;
}

static void free_sites(struct site *sites)
{
    if (sites != g_first_sites)
        mem_free(sites);
}

/* A thread may yet have to be redirected from any of them: all move, or none. */
static bool move_sites(const struct site *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct site *to = from[i].state == SITE_EMPTY ? NULL : site_slot(from[i].address);
        if (to)
            *to = from[i];
        else if (from[i].state != SITE_EMPTY)
            return false;
    }
    return true;
}

/* Keep the table at most half full, as long as there is memory for that. */
static void make_room(void)
{
    struct site *old = g_sites, *larger;
    uint32_t old_room = g_site_room;
    if (g_site_count < old_room / 2 || old_room == SITES_MOST)
        return;
    larger = mem_zalloc(2 * old_room * sizeof(*larger));
    if (!larger)
        return;
    g_sites = larger;
    g_site_room = 2 * old_room;
    if (move_sites(old, old_room)) {
        free_sites(old);
        return;
    }
    g_sites = old;
    g_site_room = old_room;
    mem_free(larger);
}

static bool in_reach(uint64_t from, uint64_t to)
{
    int64_t distance = (int64_t)(to - from);
    return distance > -REACH && distance < REACH;
}

/* A free slot of the arena; for an `after` site the jump's third byte must trap. */
static uint64_t arena_slot(struct arena *a, uint64_t jump_end, bool must_trap)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint64_t address = a->base + i * SLOT_SIZE;
        uint8_t third = (uint8_t)((address - jump_end) >> 8);
        if (a->used[i / 64] >> (i % 64) & 1 || (must_trap && !traps_as_opcode(third)))
            continue;
        a->used[i / 64] |= UINT64_C(1) << (i % 64);
        return address;
    }
    return 0;
}

static uint64_t find_slot(uint64_t jump_end, bool must_trap)
{
    for (uint32_t i = 0; i < g_arena_count; i++) {
        uint64_t slot = in_reach(jump_end, g_arenas[i].base) ? arena_slot(&g_arenas[i], jump_end, must_trap) : 0;
        if (slot)
            return slot;
    }
    if (g_arena_count == ARENAS)
        return 0;
    uint64_t base = mm_map_internal(current()->process->mm, jump_end, ARENA_SIZE, PAGE_R | PAGE_W | PAGE_X, "[trampolines]");
    if (!base)
        return 0;
    struct arena *a = &g_arenas[g_arena_count++];
    a->base = base;
    if (!in_reach(jump_end, base))
        return 0;
    return arena_slot(a, jump_end, must_trap);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static uint8_t *put_rel32(uint8_t *at, const uint8_t *code, uint64_t slot, uint64_t target)
{
    uint64_t next = slot + (uint64_t)(at + 4 - code);
    store_le32(at, (uint32_t)(target - next));
    return at + 4;
}

static uint8_t *put_door_jump(uint8_t *at)
{
    static const uint8_t jump[] = { 0x65, 0xff, 0x24, 0x25, TB_ENTRY, 0, 0, 0 }; /* jmp *%gs:TB_ENTRY */
    return put_bytes(at, jump, sizeof(jump));
}

/* lea target(%rip), %rcx */
static uint8_t *put_return_address(uint8_t *at, const uint8_t *code, uint64_t slot, uint64_t target)
{
    static const uint8_t lea[] = { 0x48, 0x8d, 0x0d };
    return put_rel32(put_bytes(at, lea, sizeof(lea)), code, slot, target);
}

static int write_before(uint64_t slot, uint64_t site, uint32_t nr)
{
    uint8_t code[SLOT_SIZE], *at = code;

    memset(code, 0xcc, sizeof(code));
    *at++ = 0xb8;
    store_le32(at, nr);
    at = put_return_address(at + 4, code, slot, site + 2);
    put_door_jump(at);
    return user_write(slot, code, sizeof(code));
}

static int write_after(uint64_t slot, uint64_t site, const uint8_t *behind, size_t length, uint64_t *copy)
{
    uint8_t code[SLOT_SIZE], *at = code;

    memset(code, 0xcc, sizeof(code));
    *copy = slot + COPY_OFFSET;
    at = put_return_address(at, code, slot, *copy);
    at = put_door_jump(at);
    at = put_bytes(at, behind, length);
    *at++ = 0xe9;
    put_rel32(at, code, slot, site + 2 + length);
    return user_write(slot, code, sizeof(code));
}

/*
 * Length of the instruction when it is one of those that compilers put behind a syscall and that mean the same
 * anywhere; 0 otherwise. At least 3 bytes, because the jump covers three of them.
 */
static size_t movable_length(const uint8_t *c)
{
    bool rex = (c[0] & 0xf8) == 0x48 || (c[0] & 0xf8) == 0x40;
    if (c[0] == 0x48 && c[1] == 0x3d) /* cmp $imm32, %rax */
        return 6;
    if (c[0] == 0x3d) /* cmp $imm32, %eax */
        return 5;
    if (c[0] == 0x48 && c[1] == 0x83 && c[2] >= 0xc0) /* op $imm8, %reg */
        return 4;
    if (c[0] == 0x83 && c[1] >= 0xc0) /* op $imm8, %reg32 */
        return 3;
    if (rex && (c[1] == 0x89 || c[1] == 0x8b || c[1] == 0x85 || c[1] == 0x63 || c[1] == 0x39 || c[1] == 0x31) && c[2] >= 0xc0)
        return 3; /* mov, test, movslq, cmp, xor between registers */
    if (rex && (c[1] == 0x8b || c[1] == 0x89) && (c[2] & 0xc7) == 0x44) /* mov disp8(%reg,...), %reg and back, as with %rsp */
        return 5;
    if (c[0] == 0x80 && (c[1] & 0xc0) == 0x80 && (c[1] & 7) != 4) /* op $imm8, disp32(%reg) */
        return 7;
    return 0;
}

/* Store 5 bytes at `at`. false: not now. */
static bool store_jump(uint64_t at, uint64_t target, const struct vma *vma)
{
    uint64_t word = ALIGN_DOWN(at, 8);
    uint8_t bytes[16];
    bool one_word = at + 5 <= word + 8;
    uint64_t first = ALIGN_DOWN(at, PAGE_SIZE), size = ALIGN_UP(at + 5, PAGE_SIZE) - first;

    if (!one_word && !g_quiet)
        return false;
    if (user_read(bytes, word, one_word ? 8 : 16))
        return false;
    bytes[at - word] = 0xe9;
    store_le32(bytes + (at - word) + 1, (uint32_t)(target - (at + 5)));
    if (machine_pages_protect(first, size, PAGE_R | PAGE_W | PAGE_X))
        return false;
    bool ok = !user_store64(word, load_le64(bytes)) && (one_word || !user_store64(word + 8, load_le64(bytes + 8)));
    machine_pages_protect(first, size, vma->prot & 7);
    return ok;
}

/* ModRM of a memory operand with 8-bit displacement, and no SIB byte. */
static bool is_disp8(uint8_t modrm)
{
    return (modrm & 0xc0) == 0x40 && (modrm & 7) != 4;
}

static bool has_imm32(uint8_t opcode)
{
    return opcode == 0xc7 || opcode == 0x81 || opcode == 0x69 || opcode == 0xf7;
}

/*
 * Might `b8 imm32`, whose imm32 is the number in rax, be the tail of a longer instruction that did not fault?
 * c[3] is the b8. It is the displacement in movl $nr,-72(%rsp) and its like; ModRM or SIB in lea nr(%rax),%edi; ModRM
 * behind a two-byte opcode; and behind a REX prefix the instruction is mov $nr,%r8d or has 64 bits.
 */
static bool may_be_tail(const uint8_t *c)
{
    return (c[2] & 0xf0) == 0x40 || c[2] == 0x0f || c[1] == 0x0f || c[2] == 0x8d ||
           (c[1] == 0x8d && (c[2] & 0xc7) == 0x84) ||
           (has_imm32(c[1]) && is_disp8(c[2])) || (has_imm32(c[0]) && (c[1] & 0xc7) == 0x44);
}

static bool try_before(struct site *s, uint64_t site, const uint8_t *code, const struct cpu_regs *regs, const struct vma *vma)
{
    if (code[3] != 0xb8 || load_le32(code + 4) != regs->orig_rax || may_be_tail(code))
        return false;
    uint64_t slot = find_slot(site, false);
    if (!slot || write_before(slot, site, (uint32_t)regs->orig_rax) || !store_jump(site - 5, slot, vma))
        return false;
    s->state = SITE_BEFORE;
    return true;
}

static bool try_after(struct site *s, uint64_t site, const uint8_t *code, const struct vma *vma)
{
    const uint8_t *behind = code + 10;
    size_t length = movable_length(behind);
    uint64_t copy;

    if (length == 0)
        return false;
    uint64_t slot = find_slot(site + 5, true);
    if (!slot || write_after(slot, site, behind, length, &copy))
        return false;
    s->copy = copy;
    if (!store_jump(site, slot, vma))
        return false;
    s->state = SITE_AFTER;
    return true;
}

/* A long nop that nobody uses yet, whose fourth byte a short jump ending at `from` reaches; that byte's address, or 0. */
static uint64_t find_nop(uint64_t from, const struct vma *vma)
{
    static const uint8_t nop[8] = { 0x0f, 0x1f, 0x84 };
    uint8_t around[256];
    uint64_t low = MAX(from - 128, vma->start), high = MIN(from + 128, vma->end);

    if (high - low < sizeof(nop) || user_read(around, low, high - low))
        return 0;
    for (uint64_t i = 0; i + sizeof(nop) <= high - low; i++)
        if (around[i] == nop[0] && memcmp(around + i, nop, sizeof(nop)) == 0)
            return low + i + 3;
    return 0;
}

static bool try_near(struct site *s, uint64_t site, const struct vma *vma)
{
    uint8_t code[SLOT_SIZE], word[8];
    uint64_t nop = find_nop(site + 2, vma), low = ALIGN_DOWN(site, 8);

    if (site % 8 == 7 || !nop)
        return false; /* the two bytes would not change at once; then `after` or `before` in a quiet moment */
    uint64_t slot = find_slot(site, false);
    memset(code, 0xcc, sizeof(code));
    put_door_jump(put_return_address(code, code, slot, site + 2));
    if (!slot || user_write(slot, code, sizeof(code)) || user_read(word, low, sizeof(word)))
        return false;
    word[site - low] = 0xeb;
    word[site - low + 1] = (uint8_t)(nop - (site + 2));
    code[0] = 0xe9;
    store_le32(code + 1, (uint32_t)(slot - (nop + JUMP_SIZE)));
    uint64_t first = ALIGN_DOWN(MIN(site, nop), PAGE_SIZE), size = ALIGN_UP(MAX(site + 2, nop + JUMP_SIZE), PAGE_SIZE) - first;
    if (machine_pages_protect(first, size, PAGE_R | PAGE_W | PAGE_X))
        return false;
    bool ok = !user_write(nop, code, JUMP_SIZE) && !user_store64(low, load_le64(word));
    machine_pages_protect(first, size, vma->prot & 7);
    s->copy = nop;
    if (ok)
        s->state = SITE_NEAR;
    return ok;
}

/* Has the syscall itself become a jump, and does it stand there? Not when something else was mapped there since. */
static bool still_jumps(const struct site *s)
{
    uint8_t code[JUMP_SIZE];

    if (s->state != SITE_AFTER && s->state != SITE_NEAR)
        return false;
    if (user_read(code, s->address, sizeof(code)))
        return false;
    if (s->state == SITE_NEAR)
        return code[0] == 0xeb && code[1] == (uint8_t)(s->copy - (s->address + 2));
    if (code[0] != 0xe9)
        return false;
    return s->address + JUMP_SIZE + (uint64_t)(int64_t)(int32_t)load_le32(code + 1) == s->copy - COPY_OFFSET;
}

static void consider(uint64_t site, const struct cpu_regs *regs)
{
    uint8_t code[8 + 2 + 8];
    struct vma vma;

    make_room();
    struct site *s = site_slot(site);
    if (!s || s->state == SITE_HOPELESS || s->state == SITE_BEFORE)
        return; /* BEFORE: something jumps to the syscall bytes themselves; they must stay */
    /* Another thread trapped here at the same time and has rewritten it; both will be redirected. */
    if (still_jumps(s))
        return;
    if (s->state == SITE_EMPTY) {
        g_stats.sites++;
        g_site_count++;
        *s = (struct site){ .address = site, .state = SITE_SEEN };
    }
    if (s->state == SITE_SEEN && ++s->delays < TRAPS_FIRST)
        return;
    bool first = s->state != SITE_LATER;
    if (!first && !g_quiet) {
        s->state = ++s->delays == LATER_MOST ? SITE_HOPELESS : SITE_LATER;
        return;
    }
    s->state = SITE_HOPELESS;
    if (!mm_find(current()->process->mm, site, &vma) || !vma.file || vma.flags & 1 || site - 8 < vma.start || site + 10 > vma.end)
        return;
    if (user_read(code, site - 8, sizeof(code)) || code[8] != 0x0f || code[9] != 0x05)
        return;
    if (try_before(s, site, code, regs, &vma) || try_after(s, site, code, &vma) || try_near(s, site, &vma)) {
        g_stats.rewritten++;
        return;
    }
    if (!g_quiet && (movable_length(code + 10) || code[3] == 0xb8)) {
        s->state = SITE_LATER;
        s->delays = 0;
    }
    trace(TRACE_MM, "rewrite: %#lx keeps trapping%s: %02x %02x %02x %02x %02x | %02x %02x %02x %02x", site,
          s->state == SITE_LATER ? " for now" : "", code[3], code[4], code[5], code[6], code[7], code[10], code[11],
          code[12], code[13]);
}

void rewrite_site(uint64_t site, const struct cpu_regs *regs)
{
    __atomic_fetch_add(&g_stats.traps, 1, __ATOMIC_RELAXED);
    mutex_lock(&g_mu);
    quiet_begin();
    consider(site, regs);
    quiet_end();
    mutex_unlock(&g_mu);
}

bool rewrite_redirect(struct cpu_regs *regs)
{
    uint64_t copy = 0;

    mutex_lock(&g_mu);
    struct site *s = site_slot(regs->rip - 2);
    if (s && s->state == SITE_AFTER && s->address == regs->rip - 2 && still_jumps(s))
        copy = s->copy;
    /* The syscall instruction itself trapped, and became a jump before anyone looked: run that instead. */
    s = site_slot(regs->rip);
    bool again = s && s->address == regs->rip && still_jumps(s);
    mutex_unlock(&g_mu);
    if (again)
        return true;
    if (!copy)
        return false;
    regs->rip = copy;
    return true;
}

uint64_t rewrite_rewind(uint64_t rip)
{
    uint64_t slot = ALIGN_DOWN(rip, SLOT_SIZE), found = 0;

    mutex_lock(&g_mu);
    for (uint32_t i = 0; i < g_arena_count; i++)
        if (rip - g_arenas[i].base < ARENA_SIZE && rip == slot + COPY_OFFSET)
            found = slot;
    /* It trapped and was rewritten before it was served: where the instruction stood is the jump now. */
    struct site *s = found ? NULL : site_slot(rip - 2);
    if (s && s->address == rip - 2 && still_jumps(s))
        found = rip - 2;
    mutex_unlock(&g_mu);
    return found;
}

void rewrite_reset(void)
{
    mutex_lock(&g_mu);
    free_sites(g_sites);
    memset(g_first_sites, 0, sizeof(g_first_sites));
    g_sites = g_first_sites;
    g_site_room = SITES;
    g_site_count = 0;
    memset(g_arenas, 0, sizeof(g_arenas));
    g_arena_count = 0;
    mutex_unlock(&g_mu);
}

void rewrite_stats(struct rewrite_stats *out)
{
    mutex_lock(&g_mu);
    *out = g_stats;
    mutex_unlock(&g_mu);
}
