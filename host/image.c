/*
 * Opens the trusted image and the plan. Start-up only; may use libc. What they say is checked for form
 * here, and for truth by the measurement.
 */
#include "host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/say.h"

/* From offset to the end of the file. */
static const void *map_file(int fd, uint64_t offset, const char *what, uint64_t max, uint64_t *size)
{
    struct stat st;
    if (fstat(fd, &st) || st.st_size < 0 || (uint64_t)st.st_size <= offset || (uint64_t)st.st_size - offset > max)
        host_fail("cannot use %s: it is empty or too large", what);
    *size = (uint64_t)st.st_size - offset;
    void *p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, (off_t)offset);
    if (p == MAP_FAILED)
        host_fail("cannot read %s: %s", what, host_error_name(errno));
    return p;
}

void image_open(const char *path, struct image *out)
{
    uint64_t size;
    out->path = path;
    out->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0)
        host_fail("cannot open the image: %s: %s", path, host_error_name(errno));
    const void *bytes = map_file(out->fd, 0, path, UINT64_C(1) << 30, &size);
    if (elf_open(bytes, size, size, &out->elf) || out->elf.type != ELF_ET_DYN)
        host_fail("not an image of Cloister: %s: no static-PIE x86-64 ELF file", path);
}

void image_open_plan(int fd, uint64_t offset, struct plan *out)
{
    uint64_t size;
    const void *bytes = map_file(fd, offset, "the plan", PLAN_MAX, &size);
    if (plan_open_head(bytes, size, out))
        host_fail("malformed plan: it was made by another version of Cloister, or damaged");
}

void image_read_exactly(int fd, const char *what, const char *why, void *out, uint64_t size)
{
    uint8_t *p = out, extra;
    uint64_t done = 0;
    /* pread: a debugger starts us again with the same descriptors */
    while (done < size) {
        ssize_t n = pread(fd, p + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    if (done != size || pread(fd, &extra, 1, (off_t)size) != 0)
        host_fail("wrong size: %s: %s", what, why);
}
