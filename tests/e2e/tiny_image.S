/* The least that is an enclave image: a note, an entry, an ENCLU, some data. For tests of signing. */
        .section .note.cloister, "a", @note
        .balign 4
        .long 9, 32, 1
        .asciz "Cloister"
        .balign 4
        .quad enclave_entry - .
        .quad enclu_table - .
        .quad (enclu_table_end - enclu_table) / 4
        .quad 0

        .section .enclu_table, "a"
enclu_table:
        .long 1f - .
enclu_table_end:

        .text
        .globl _start
_start: hlt
enclave_entry:
        mov $4, %eax
1:      enclu
        hlt

        .data
        .ascii "some data"
        .bss
        .skip 10000
        .section .note.GNU-stack, "", @progbits
