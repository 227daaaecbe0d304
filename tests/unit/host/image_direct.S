.globl _start
.hidden _start
_start: call image_entry
        ud2
.section .note.GNU-stack,"",@progbits
