/*
 * Print MRENCLAVE of an image and plan by lib/sgx, for measure_check.py to compare with its own.
 * The plan is taken as it is: only its header counts here. usage: measure_tool IMAGE PLAN
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"
#include "lib/sgx/image.h"
#include "lib/sgx/measure.h"

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p = malloc(1 << 20);
    *size = f && p ? fread(p, 1, 1 << 20, f) : 0;
    if (f)
        fclose(f);
    return p;
}

int main(int argc, char **argv)
{
    static _Alignas(4096) uint8_t scratch[LAYOUT_SCRATCH];
    size_t image_size, plan_size;
    uint8_t mrenclave[32], *image_bytes, *plan_bytes;
    struct elf_image image;
    struct image_note note;
    struct layout layout;
    uint64_t need = 0;
    char hex[65];

    if (argc != 3)
        return 2;
    image_bytes = read_file(argv[1], &image_size);
    plan_bytes = read_file(argv[2], &plan_size);
    struct plan plan = { (const struct plan_header *)plan_bytes, plan_bytes };
    int err = elf_open(image_bytes, image_size, image_size, &image);
    if (!err)
        err = image_find_note(&image, &note);
    if (!err)
        err = layout_compute(&image, note.enclave_entry, &plan, &layout, &need);
    if (!err)
        err = measure_layout(&layout, &image, &plan, scratch, mrenclave);
    if (err) {
        printf("error %d need %llu\n", err, (unsigned long long)need);
    } else {
        hex_encode(mrenclave, 32, hex);
        puts(hex);
    }
    free(image_bytes);
    free(plan_bytes);
    return err ? 1 : 0;
}
