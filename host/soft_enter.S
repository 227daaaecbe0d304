/*
 * EENTER and EEXIT of the software SGX device.
 *
 * The callee-saved registers and the host stack survive a stay in the enclave because the enclave puts
 * rsp back (GPRSGX.URSP, as on hardware). FS and GS base do not: the launcher uses neither.
 */
#define E_PENDING 0x00
#define E_ENTRY   0x08
#define E_FSBASE  0x10
#define E_GSBASE  0x18
#define E_GPR     0x20
#define E_CSSA    0x28
#define E_TCS     0x30
#define E_REASON  0x38
#define E_A       0x40
#define E_B       0x48
#define E_EXIT    0x50
#define E_FRAME   0x58
#define ENTER_RETURN 3

        .text
        .globl soft_eenter, soft_enter_window
        .hidden soft_eenter, soft_enter_window
        .type soft_eenter, @function
soft_eenter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rdi
        mov     %rdi, %r12
        mov     E_FSBASE(%r12), %rax
        wrfsbase %rax
        mov     E_GSBASE(%r12), %rax
        wrgsbase %rax
        mov     E_GPR(%r12), %rax
        mov     %rsp, 144(%rax)                 /* GPRSGX.URSP */
        mov     %rbp, 152(%rax)                 /* GPRSGX.URBP */
        mov     E_ENTRY(%r12), %r11
        mov     E_CSSA(%r12), %rax
        mov     E_TCS(%r12), %rbx
        lea     1f(%rip), %rcx
        mov     E_A(%r12), %rsi
        mov     E_REASON(%r12), %rdi
        cmp     $ENTER_RETURN, %rdi
        jne     2f
        mov     E_PENDING(%r12), %r10
        xor     %edx, %edx
        xchg    %rdx, (%r10)
soft_enter_window:                              /* a signal here adds its bit to rdx: signals.c */
        jmp     *%r11
2:      mov     E_B(%r12), %rdx
        jmp     *%r11
1:                                              /* EEXIT comes here: rdi reason, rsi frame */
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
        .size soft_eenter, . - soft_eenter

/*
 * What each ENCLU of the image was replaced by a call to. Until `committed` nothing but r11 (dead at
 * every site) and the arithmetic flags has changed, so an interrupted call is simply made again.
 * Leaves other than EEXIT are rare: they trap, so that they run with all signals blocked and with all
 * registers of the enclave in the signal frame.
 */
        .globl soft_enclu, soft_enclu_begin, soft_enclu_committed, soft_enclu_trap, soft_enclu_end
        .hidden soft_enclu, soft_enclu_begin, soft_enclu_committed, soft_enclu_trap, soft_enclu_end
        .type soft_enclu, @function
soft_enclu:
soft_enclu_begin:
        cmp     $4, %eax                        /* EEXIT */
        jne     soft_enclu_trap
        lea     soft_aep(%rip), %rcx
        mov     %rbx, (%rsp)
soft_enclu_committed:
        ret
soft_enclu_trap:
        hlt                                     /* #GP: hypervisors intercept the #UD of ud2, slowly */
soft_enclu_end:
soft_aep:
        ud2                                     /* never executed: soft_run.c acts as ERESUME itself */
        .size soft_enclu, . - soft_enclu

        .section .note.GNU-stack, "", @progbits
