/* Read cloister.enclave and find its entry. See manifest/image_file.h. */
#include "manifest/image_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sgx/image.h"
#include "manifest/disk.h"

#define IMAGE_MAX ((size_t)256 << 20)

int image_file_open(const char *path, struct image_file *out, struct problem *why)
{
    struct image_note note;
    *out = (struct image_file){ 0 };
    int ret = disk_read(path, IMAGE_MAX, &out->bytes, &out->size, why);
    if (ret)
        return ret;
    ret = elf_open(out->bytes, out->size, out->size, &out->elf);
    if (!ret && out->elf.type != ELF_ET_DYN)
        ret = -ENOEXEC;
    if (!ret)
        ret = image_find_note(&out->elf, &note);
    if (ret) {
        image_file_close(out);
        return problem_set(why, -ENOEXEC, "%s: not an enclave image: %s", path,
                           ret == -ENOENT   ? "it has no Cloister note"
                           : ret == -EINVAL ? "its Cloister note is malformed"
                                            : "not a static position-independent ELF file");
    }
    out->enclave_entry = note.enclave_entry;
    return 0;
}

void image_file_close(struct image_file *image)
{
    free(image->bytes);
    *image = (struct image_file){ 0 };
}
