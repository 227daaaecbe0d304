/* EENTER, EEXIT and the AEP on hardware (Intel SDM vol. 3D, EENTER, ERESUME). */
#define E_PENDING 0x00
#define E_TCS     0x08
#define E_REASON  0x10
#define E_A       0x18
#define E_B       0x20
#define E_EXIT    0x28
#define E_FRAME   0x30
#define ENTER_RETURN 3
#define EENTER       2

        .text
        .globl hw_eenter, hw_enter_window, hw_aep
        .hidden hw_eenter, hw_enter_window, hw_aep
        .type hw_eenter, @function
hw_eenter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rdi
        mov     %rdi, %r12
        mov     E_TCS(%r12), %rbx
        lea     hw_aep(%rip), %rcx
        mov     E_A(%r12), %rsi
        mov     E_B(%r12), %rdx
        mov     E_REASON(%r12), %rdi
        mov     $EENTER, %eax
        cmp     $ENTER_RETURN, %rdi
        jne     1f
        mov     E_PENDING(%r12), %r10
        xor     %edx, %edx
        xchg    %rdx, (%r10)
hw_enter_window:                                /* a signal here adds its bit to rdx: signals.c */
        .byte   0x0f, 0x01, 0xd7                /* enclu */
        jmp     2f
1:      .byte   0x0f, 0x01, 0xd7
2:                                              /* EEXIT comes here: rdi reason, rsi frame */
        pop     %rax
        mov     %rdi, E_EXIT(%rax)
        mov     %rsi, E_FRAME(%rax)
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret
        .size hw_eenter, . - hw_eenter

        .type hw_aep, @function
hw_aep:                                         /* rax = ERESUME, rbx = TCS, rcx = AEP: set by the exit */
        .byte   0x0f, 0x01, 0xd7
        ud2
        .size hw_aep, . - hw_aep

        .section .note.GNU-stack, "", @progbits
