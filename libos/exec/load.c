/*
 * ELF files into memory. The headers are checked by lib/elf (untrusted bytes); here segments become
 * mappings: file pages first, then zeroed rest (the tail of the last file page, and anonymous pages).
 * Start reading at load_map().
 */
#include "libos/exec/load.h"

#include "enclave/heap.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/mman.h"
#include "libos/fs/file.h"
#include "libos/fs/vfs.h"
#include "libos/mm/vma.h"
#include "libos/sys/iobuf.h"

static int64_t read_at(struct file *f, void *dst, size_t size, int64_t pos)
{
    if (!f->ops->read)
        return -EINVAL;
    size_t done = 0;
    while (done < size) {
        struct iobuf b;
        iobuf_kernel(&b, (uint8_t *)dst + done, size - done);
        int64_t n = f->ops->read(f, &b, &pos);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

int load_open(struct fs_view *fs, const char *path, struct load_file **out)
{
    struct linux_stat st;
    struct load_file *l = mem_zalloc(sizeof(*l));
    if (!l)
        return -ENOMEM;
    int64_t err = vfs_open(fs, NULL, path, O_RDONLY, 0, &l->file);
    if (err)
        goto out;
    err = l->file->ops->stat ? l->file->ops->stat(l->file, &st) : -EACCES;
    if (err)
        goto out;
    err = -EACCES;
    if ((st.mode & S_IFMT) != S_IFREG || !(st.mode & 0111) || st.size < 0)
        goto out;
    l->size = (uint64_t)st.size;
    err = -ENOMEM;
    l->head = mem_zalloc(LOAD_HEAD_SIZE);
    if (!l->head)
        goto out;
    err = read_at(l->file, l->head, LOAD_HEAD_SIZE, 0);
    if (err < 0)
        goto out;
    l->head_size = (uint32_t)err;
    *out = l;
    return 0;
out:
    load_close(l);
    return (int)err;
}

void load_close(struct load_file *l)
{
    if (!l)
        return;
    file_put(l->file);
    mem_free(l->head);
    mem_free(l);
}

static int read_interpreter(struct load_file *l, const struct elf_segment *s)
{
    if (s->filesz < 2 || s->filesz > sizeof(l->interpreter))
        return -ENOEXEC;
    int64_t n = read_at(l->file, l->interpreter, s->filesz, (int64_t)s->offset);
    if (n < 0)
        return (int)n;
    if ((uint64_t)n != s->filesz || l->interpreter[s->filesz - 1] != 0)
        return -ENOEXEC;
    return 0;
}

int load_parse(struct load_file *l)
{
    int err = elf_open(l->head, l->head_size, l->size, &l->elf);
    l->exec_stack = true; /* Linux: without PT_GNU_STACK the stack is executable */
    for (uint32_t i = 0; !err && i < l->elf.count; i++) {
        const struct elf_segment *s = &l->elf.segments[i];
        if (s->type == ELF_PT_INTERP && !l->interpreter[0])
            err = read_interpreter(l, s);
        if (s->type == ELF_PT_GNU_STACK)
            l->exec_stack = s->flags & ELF_PF_X;
    }
    return err;
}

static uint32_t segment_prot(const struct elf_segment *s)
{
    return (s->flags & ELF_PF_R ? PROT_READ : 0) | (s->flags & ELF_PF_W ? PROT_WRITE : 0) |
           (s->flags & ELF_PF_X ? PROT_EXEC : 0);
}

/* Zero the end of the last file page when the segment's memory goes beyond its file bytes. */
static int zero_tail(struct mm *mm, uint64_t page, uint64_t from, uint32_t prot)
{
    uint64_t end = page + PAGE_SIZE;
    int err = 0;
    if (!(prot & PROT_WRITE))
        err = mm_protect(mm, page, PAGE_SIZE, PROT_READ | PROT_WRITE);
    if (!err)
        err = user_zero(from, end - from);
    if (!err && !(prot & PROT_WRITE))
        err = mm_protect(mm, page, PAGE_SIZE, prot);
    return err;
}

static int map_segment(struct mm *mm, struct load_file *l, const struct elf_segment *s, uint64_t bias)
{
    uint32_t prot = segment_prot(s), flags = MAP_PRIVATE | MAP_FIXED;
    uint64_t start = ALIGN_DOWN(bias + s->vaddr, PAGE_SIZE);
    uint64_t file_end = bias + s->vaddr + s->filesz, memory_end = bias + s->vaddr + s->memsz;
    uint64_t file_pages_end = s->filesz ? ALIGN_UP(file_end, PAGE_SIZE) : start;
    uint64_t end = ALIGN_UP(memory_end, PAGE_SIZE);
    int64_t r;
    if (file_pages_end > start) {
        r = mm_map(mm, start, file_pages_end - start, prot, flags, l->file, ALIGN_DOWN(s->offset, PAGE_SIZE));
        if (r < 0)
            return (int)r;
        if (s->memsz > s->filesz && !IS_ALIGNED(file_end, PAGE_SIZE)) {
            int err = zero_tail(mm, file_pages_end - PAGE_SIZE, file_end, prot);
            if (err)
                return err;
        }
    }
    if (end > file_pages_end) {
        r = mm_map(mm, file_pages_end, end - file_pages_end, prot, flags | MAP_ANONYMOUS, NULL, 0);
        if (r < 0)
            return (int)r;
    }
    return 0;
}

/* Where the image goes: its own addresses, or a free range of its size. The range is reserved. */
static int64_t reserve(struct mm *mm, const struct elf_image *elf, uint64_t hint)
{
    uint64_t size = elf->high - elf->low;
    uint32_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (elf->type == ELF_ET_EXEC)
        return mm_map(mm, elf->low, size, PROT_NONE, flags | MAP_FIXED_NOREPLACE, NULL, 0);
    uint64_t align = PAGE_SIZE;
    for (uint32_t i = 0; i < elf->count; i++)
        if (elf->segments[i].type == ELF_PT_LOAD && elf->segments[i].align > align)
            align = elf->segments[i].align;
    int64_t at_hint = mm_map(mm, ALIGN_DOWN(hint, align), size, PROT_NONE, flags, NULL, 0);
    if (at_hint < 0 || IS_ALIGNED((uint64_t)at_hint, align))
        return at_hint;
    mm_unmap(mm, (uint64_t)at_hint, size);
    /* Larger alignment (2 MiB text): take more and give the ends back. */
    uint64_t room;
    if (align > UINT64_C(1) << 30 || !checked_add(size, align, &room))
        return -ENOMEM;
    int64_t r = mm_map(mm, 0, room, PROT_NONE, flags, NULL, 0);
    if (r < 0)
        return r;
    uint64_t at = (uint64_t)r, base = ALIGN_UP(at, align);
    if (base > at)
        mm_unmap(mm, at, base - at);
    if (base + size < at + room)
        mm_unmap(mm, base + size, at + room - (base + size));
    return (int64_t)base;
}

/* The program headers as the program will see them: inside the segment that holds them in the file. */
static uint64_t find_phdr(const struct elf_image *elf, uint64_t bias)
{
    for (uint32_t i = 0; i < elf->count; i++) {
        const struct elf_segment *s = &elf->segments[i];
        if (s->type == ELF_PT_PHDR)
            return bias + s->vaddr;
    }
    for (uint32_t i = 0; i < elf->count; i++) {
        const struct elf_segment *s = &elf->segments[i];
        if (s->type == ELF_PT_LOAD && elf->phdr_offset >= s->offset && elf->phdr_offset - s->offset < s->filesz)
            return bias + s->vaddr + (elf->phdr_offset - s->offset);
    }
    return 0;
}

int load_map(struct mm *mm, struct load_file *l, uint64_t hint, struct load_place *out)
{
    const struct elf_image *elf = &l->elf;
    if (elf->high <= elf->low)
        return -ENOEXEC;
    int64_t base = reserve(mm, elf, hint);
    if (base < 0)
        return (int)base;
    uint64_t bias = (uint64_t)base - elf->low;
    for (uint32_t i = 0; i < elf->count; i++) {
        if (elf->segments[i].type != ELF_PT_LOAD)
            continue;
        int err = map_segment(mm, l, &elf->segments[i], bias);
        if (err)
            return err;
    }
    out->bias = bias;
    out->entry = bias + elf->entry;
    out->phdr = find_phdr(elf, bias);
    out->low = (uint64_t)base;
    out->high = bias + elf->high;
    return 0;
}
