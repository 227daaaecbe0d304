/* The built vDSO, as bytes of the image. VDSO_FILE is set by meson. */
    .section .rodata
    .balign 4096
    .globl vdso_blob, vdso_blob_end
    .hidden vdso_blob, vdso_blob_end
vdso_blob:
    .incbin VDSO_FILE
vdso_blob_end:
    .section .note.GNU-stack, "", @progbits
