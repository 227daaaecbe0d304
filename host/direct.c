/*
 * `direct`: the image mapped into this very process, no enclave and no protection. The image relocates
 * itself, takes over the process and never comes back; the launcher's own mappings stay (its start
 * struct, the words and the plan are in them) and are listed as taken.
 */
#include "host/direct.h"

#include <errno.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/debugger.h"
#include "host/say.h"
#include "host/start_info.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"

#define DIRECT_STACK_SIZE (UINT64_C(256) << 10)

static int protection(uint32_t flags)
{
    return (flags & ELF_PF_R ? PROT_READ : 0) | (flags & ELF_PF_W ? PROT_WRITE : 0) |
           (flags & ELF_PF_X ? PROT_EXEC : 0);
}

static void map_fixed(uint64_t address, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    if (size && mmap(pointer_to(address), size, prot, MAP_PRIVATE | MAP_FIXED | flags, fd,
                     (off_t)offset) == MAP_FAILED)
        host_fail("cannot map the image: %s", host_error_name(errno));
}

/* File pages, then the zero rest of the last of them, then zero pages. */
static void map_segment(const struct image *image, const struct elf_segment *s, uint64_t base)
{
    uint64_t low = base + ALIGN_DOWN(s->vaddr, PAGE_SIZE);
    uint64_t file_end = base + s->vaddr + s->filesz;
    uint64_t file_pages_end = s->filesz ? ALIGN_UP(file_end, PAGE_SIZE) : low;
    uint64_t high = base + ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
    int prot = protection(s->flags);
    if (s->filesz)
        map_fixed(low, file_pages_end - low, prot, 0, image->fd, ALIGN_DOWN(s->offset, PAGE_SIZE));
    map_fixed(file_pages_end, high - file_pages_end, prot, MAP_ANONYMOUS, -1, 0);
    if (s->filesz && s->memsz > s->filesz && (s->flags & ELF_PF_W))
        memset(pointer_to(file_end), 0, file_pages_end - file_end);
}

static uint64_t map_image(const struct image *image)
{
    const struct elf_image *elf = &image->elf;
    void *p = mmap(NULL, elf->high - elf->low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        host_fail("no address space for the image: %s", host_error_name(errno));
    uint64_t base = address_of(p) - elf->low;
    for (uint32_t i = 0; i < elf->count; i++)
        if (elf->segments[i].type == ELF_PT_LOAD)
            map_segment(image, &elf->segments[i], base);
    return base;
}

static void *map_stack(void)
{
    char *p = mmap(NULL, DIRECT_STACK_SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, PAGE_SIZE, PROT_NONE))
        host_fail("out of memory for a stack");
    return p + PAGE_SIZE + DIRECT_STACK_SIZE;
}

/* The image gets no descriptor of ours but the Merkle trees' (and stdin, stdout, stderr). */
static void close_others(uint32_t keep)
{
    if (keep == UINT32_MAX) {
        syscall(SYS_close_range, 3, ~0u, 0);
        return;
    }
    if (keep > 3)
        syscall(SYS_close_range, 3, keep - 1, 0);
    syscall(SYS_close_range, keep + 1, ~0u, 0);
}

_Noreturn void direct_run(const struct options *o, const struct image *image, const struct plan *plan)
{
    static struct start start;
    static struct start_range ranges[START_RANGES_MAX];
    uint64_t base = map_image(image);
    void *stack = map_stack();

    debugger_image_loaded(image->path, base);
    start_info_fill(o, plan, plan->h->max_threads, &start);
    start.plan = address_of(plan->bytes); /* nobody writes to that file: it is the starter's, and replaced by renaming */
    start.plan_size = plan->h->size;
    start.image_start = base + image->elf.low;
    start.image_size = image->elf.high - image->elf.low;
    close_others(start.verity_fd);
    start.ranges = address_of(ranges);
    start.range_count = start_info_ranges(ranges, START_RANGES_MAX); /* last: nothing is mapped after */

    /* As at a call: the stack is 16-byte aligned before a return address of 0. */
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "push $0\n\t"
                     "cld\n\t"
                     "jmp *%1"
                     :
                     : "r"(stack), "r"(base + image->elf.entry), "D"(&start)
                     : "memory");
    __builtin_unreachable();
}
