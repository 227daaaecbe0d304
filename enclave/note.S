/*
 * What the launcher and the signer must know of the image, where they find it without symbols: an ELF
 * note (lib/sgx/image.h).
 */
    .section .note.cloister, "a", @note
    .balign 4
    .long 9, 32, 1              /* name size, descriptor size, type */
    .asciz "Cloister"
    .balign 4
    .quad enclave_entry - .
    .quad enclu_table - .
    /* image.ld adds the table's length and a reserved quad */

    .section .note.GNU-stack, "", @progbits
