/*
 * Reads the enclave image's note. The image comes from the host's disk: all of it is untrusted here,
 * and a lie in it changes MRENCLAVE.
 */
#include "lib/sgx/image.h"

#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/cursor.h"
#include "lib/linux/errno.h"

#define ENCLU_SIZE 3

const uint8_t *image_bytes(const struct elf_image *image, uint64_t vaddr, uint64_t size,
                           uint32_t flags)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        if (s->type != ELF_PT_LOAD || (s->flags & flags) != flags || vaddr < s->vaddr)
            continue;
        if (range_within(vaddr - s->vaddr, size, s->filesz))
            return image->bytes + s->offset + (vaddr - s->vaddr);
    }
    return NULL;
}

/* Decode a descriptor that stands at file pointer desc and at address vaddr. */
static int decode(const struct elf_image *image, const uint8_t *desc, uint64_t vaddr,
                  struct image_note *out)
{
    out->enclave_entry = vaddr + load_le64(desc);
    out->enclu_table = vaddr + 8 + load_le64(desc + 8);
    out->enclu_count = load_le64(desc + 16);
    if (load_le64(desc + 24) != 0)
        return -EINVAL;
    if (!image_bytes(image, out->enclave_entry, 1, ELF_PF_X))
        return -EINVAL;
    if (out->enclu_count > image->size / 4)
        return -EINVAL;
    if (out->enclu_count && !image_bytes(image, out->enclu_table, out->enclu_count * 4, ELF_PF_R))
        return -EINVAL;
    return 0;
}

/* Walk the notes of one segment. 1: found and decoded. */
static int search_segment(const struct elf_image *image, const struct elf_segment *s,
                          struct image_note *out)
{
    const uint8_t *start = image->bytes + s->offset;
    struct cursor c = cursor_over(start, s->filesz);

    while (c.left) {
        uint32_t name_size = cursor_le32(&c), desc_size = cursor_le32(&c), type = cursor_le32(&c);
        const uint8_t *name = cursor_take(&c, ALIGN_UP(name_size, UINT64_C(4)));
        const uint8_t *desc = cursor_take(&c, ALIGN_UP(desc_size, UINT64_C(4)));
        if (c.failed)
            return -EINVAL;
        if (type != IMAGE_NOTE_TYPE || name_size != sizeof(IMAGE_NOTE_NAME) ||
            memcmp(name, IMAGE_NOTE_NAME, name_size))
            continue;
        if (desc_size != sizeof(struct image_note_desc))
            return -EINVAL;
        int err = decode(image, desc, s->vaddr + (uint64_t)(desc - start), out);
        return err ? err : 1;
    }
    return 0;
}

int image_find_note(const struct elf_image *image, struct image_note *out)
{
    for (uint32_t i = 0; i < image->count; i++) {
        if (image->segments[i].type != ELF_PT_NOTE)
            continue;
        int found = search_segment(image, &image->segments[i], out);
        if (found)
            return found < 0 ? found : 0;
    }
    return -ENOENT;
}

int image_enclu_site(const struct elf_image *image, const struct image_note *note, uint64_t i,
                     uint64_t *vaddr)
{
    static const uint8_t enclu[ENCLU_SIZE] = { 0x0f, 0x01, 0xd7 };
    uint64_t at = note->enclu_table + 4 * i;
    const uint8_t *entry = image_bytes(image, at, 4, ELF_PF_R);

    if (i >= note->enclu_count || !entry)
        return -EINVAL;
    *vaddr = at + (uint64_t)(int64_t)(int32_t)load_le32(entry);
    const uint8_t *code = image_bytes(image, *vaddr, ENCLU_SIZE, ELF_PF_X);
    return code && !memcmp(code, enclu, ENCLU_SIZE) ? 0 : -EINVAL;
}
