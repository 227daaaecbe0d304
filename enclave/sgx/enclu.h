#ifndef ENCLAVE_SGX_ENCLU_H
#define ENCLAVE_SGX_ENCLU_H

/*
 * One ENCLU instruction, listed so that the software device can replace it after measurement: 3 bytes and
 * room for `movabs $handler, %r11; call *%r11`. r11 is dead at every site, and when the leaf is not EEXIT
 * the stack is the enclave's and has room for a call. For assembly files.
 */
.macro ENCLU_SITE
1:  .byte 0x0f, 0x01, 0xd7
    .fill 13, 1, 0x90
    .pushsection .enclu_table, "a"
    .long 1b - .
    .popsection
.endm

#endif
