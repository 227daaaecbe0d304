#ifndef LIBOS_SIGNAL_FPU_H
#define LIBOS_SIGNAL_FPU_H

/*
 * The program's x87 and vector registers, which stay live in the CPU while libos runs: saved to and
 * restored from signal frames in Linux's format (XSAVE area, marks at LINUX_FP_SW_BYTES, MAGIC2 behind it).
 */
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FPU_AREA_MAX 12288 /* the largest standard-format XSAVE area (with AMX tiles: 11008) and MAGIC2 */

struct fpu_area {
    alignas(64) uint8_t bytes[FPU_AREA_MAX];
};

/* Bytes in a frame, with MAGIC2. */
size_t fpu_frame_size(void);
/* Least signal stack: AT_MINSIGSTKSZ. */
size_t fpu_frame_stack_min(void);
/* Save the live registers; the first fpu_frame_size() bytes are the frame's. */
void fpu_save(struct fpu_area *area);
/*
 * Load registers from bytes of the program: untrusted. size is how many bytes of the area were readable
 * (at least 512). 0; -EINVAL: a header that the CPU would refuse, nothing was loaded.
 */
int fpu_restore(struct fpu_area *area, size_t size);
/* As at program start. */
void fpu_reset(void);
/* ARCH_REQ_XCOMP_PERM for AMX tiles: frames hold them from now on. false: the CPU has none. */
bool fpu_allow_tiles(void);
uint64_t fpu_features(void);

/* Control words that a new thread takes over from its creator. */
struct fpu_control {
    uint32_t mxcsr;
    uint16_t x87;
};
void fpu_get_control(struct fpu_control *c);
void fpu_set_control(const struct fpu_control *c);

#endif
