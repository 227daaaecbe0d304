/*
 * ELF64 headers from untrusted bytes. Reads only the first head_size bytes; every number is checked
 * before use. Afterwards a loader may map each PT_LOAD without further checks of its bounds.
 */
#include "lib/elf/elf.h"

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/cursor.h"
#include "lib/linux/errno.h"

#define EHDR_SIZE     64
#define PHDR_SIZE     56
#define EM_X86_64     62
#define ADDRESS_LIMIT (UINT64_C(1) << 47) /* user half of the address space */

/* e_ident: magic, ELFCLASS64, ELFDATA2LSB, EV_CURRENT */
static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

static int read_header(const void *head, size_t head_size, uint64_t file_size,
                       struct elf_image *out)
{
    struct cursor c = cursor_over(head, MIN(head_size, file_size));
    const uint8_t *id = cursor_take(&c, 16);
    uint16_t type = cursor_le16(&c), machine = cursor_le16(&c);
    uint32_t version = cursor_le32(&c);
    uint64_t entry = cursor_le64(&c), phoff = cursor_le64(&c);

    cursor_take(&c, 8 + 4 + 2); /* e_shoff, e_flags, e_ehsize */
    uint16_t phentsize = cursor_le16(&c), phnum = cursor_le16(&c);
    cursor_take(&c, 6); /* section header numbers */
    if (c.failed || memcmp(id, ident, sizeof(ident)) || machine != EM_X86_64 || version != 1)
        return -ENOEXEC;
    if (type != ELF_ET_EXEC && type != ELF_ET_DYN)
        return -ENOEXEC;
    if (phentsize != PHDR_SIZE || phnum == 0 || phnum > ELF_MAX_SEGMENTS)
        return -ENOEXEC;
    if (!range_within(phoff, (uint64_t)phnum * PHDR_SIZE, MIN(head_size, file_size)))
        return -ENOEXEC;
    *out = (struct elf_image){ .bytes = head, .size = file_size, .type = type, .entry = entry,
                               .phdr_offset = phoff, .count = phnum };
    return 0;
}

static struct elf_segment read_segment(const uint8_t *p)
{
    return (struct elf_segment){
        .type = load_le32(p),        .flags = load_le32(p + 4),   .offset = load_le64(p + 8),
        .vaddr = load_le64(p + 16),  .filesz = load_le64(p + 32), .memsz = load_le64(p + 40),
        .align = load_le64(p + 48),
    };
}

/* Does a loader read this segment's bytes from the file? */
static bool has_file_bytes(uint32_t type)
{
    return type == ELF_PT_LOAD || type == ELF_PT_DYNAMIC || type == ELF_PT_INTERP ||
           type == ELF_PT_NOTE || type == ELF_PT_PHDR || type == ELF_PT_TLS;
}

static bool load_is_sane(const struct elf_segment *s)
{
    if (s->filesz > s->memsz)
        return false;
    if (!range_within(s->vaddr, s->memsz, ADDRESS_LIMIT - PAGE_SIZE))
        return false;
    return s->vaddr % PAGE_SIZE == s->offset % PAGE_SIZE;
}

/* Take one PT_LOAD into low and high. Loads must ascend without overlap: loaders map them in order. */
static bool add_load(struct elf_image *out, const struct elf_segment *s, uint64_t *end)
{
    if (!load_is_sane(s) || s->vaddr < *end)
        return false;
    if (*end == 0)
        out->low = ALIGN_DOWN(s->vaddr, PAGE_SIZE);
    *end = s->vaddr + s->memsz;
    out->high = ALIGN_UP(*end, PAGE_SIZE);
    return true;
}

int elf_open(const void *head, size_t head_size, uint64_t file_size, struct elf_image *out)
{
    int err = read_header(head, head_size, file_size, out);
    if (err)
        return err;

    uint64_t end = 0;
    const uint8_t *p = out->bytes + out->phdr_offset;
    for (uint32_t i = 0; i < out->count; i++, p += PHDR_SIZE) {
        struct elf_segment *s = &out->segments[i];
        *s = read_segment(p);
        if (has_file_bytes(s->type) && !range_within(s->offset, s->filesz, file_size))
            return -ENOEXEC;
        if (s->type == ELF_PT_LOAD && s->memsz && !add_load(out, s, &end))
            return -ENOEXEC;
    }
    return end ? 0 : -ENOEXEC;
}
