/*
 * The doors between the program and libos, in every mode.
 *
 *   syscall_door   trampolines and the vDSO jump here: rax = number, rcx = where to go on, program's stack
 *   event_door     after a fault or host signal: rdi = struct cpu_regs at the top of this libos stack,
 *                  rsi = struct event, rsp below both
 *   cpu_enter_user go (back) to the program with given registers
 *
 * While the program runs, its thread's libos stack is empty, and the registers of the last entry stand
 * at its top. Between door_exit_start and door_exit_end they are complete and no longer changed, so an
 * event that lands there is handled as if the program had been interrupted already (enclave/event.c):
 * that closes the gap between looking at TB_PENDING and being back in the program.
 */
#include "enclave/thread_block.h"

#define REGS_SIZE   160
#define REGS_RAX    80
#define REGS_RIP    128
#define REGS_RFLAGS 136
#define REGS_RSP    144
#define REGS_FULL   152
#define FLAGS_DANGEROUS 0x44500 /* AC NT DF TF: alignment checks would hit our own accesses */

    /* For debuggers: whoever called a door is the program, whose registers stand at `base`. Its stack pointer is one
       of them: the frame address is only a name. */
.macro CFI_PROGRAM base
    .cfi_def_cfa \base, REGS_SIZE
    .cfi_offset %r15, 0 - REGS_SIZE
    .cfi_offset %r14, 8 - REGS_SIZE
    .cfi_offset %r13, 16 - REGS_SIZE
    .cfi_offset %r12, 24 - REGS_SIZE
    .cfi_offset %rbp, 32 - REGS_SIZE
    .cfi_offset %rbx, 40 - REGS_SIZE
    .cfi_offset %r11, 48 - REGS_SIZE
    .cfi_offset %r10, 56 - REGS_SIZE
    .cfi_offset %r9, 64 - REGS_SIZE
    .cfi_offset %r8, 72 - REGS_SIZE
    .cfi_offset %rax, 80 - REGS_SIZE
    .cfi_offset %rcx, 88 - REGS_SIZE
    .cfi_offset %rdx, 96 - REGS_SIZE
    .cfi_offset %rsi, 104 - REGS_SIZE
    .cfi_offset %rdi, 112 - REGS_SIZE
    .cfi_offset %rip, REGS_RIP - REGS_SIZE
    .cfi_offset %rsp, REGS_RSP - REGS_SIZE
.endm

    .cfi_sections .debug_frame /* not measured */
    .text
    .globl syscall_door, event_door, cpu_enter_user, door_exit_start, door_exit_end
    .hidden syscall_door, event_door, cpu_enter_user, door_exit_start, door_exit_end

    .p2align 6
    .type syscall_door, @function
syscall_door:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_undefined %rip         /* until all are pushed */
    movq %rsp, %gs:TB_USER_RSP
    movq %gs:TB_STACK_TOP, %rsp
    pushq $0                    /* full */
    pushq %gs:TB_USER_RSP
    pushfq
    pushq %rcx                  /* rip */
    pushq %rax                  /* orig_rax */
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    CFI_PROGRAM %rsp
    testl $FLAGS_DANGEROUS, REGS_RFLAGS(%rsp)
    jnz flags_clean
flags_done:
    cld
    movq %rsp, %rdi
    call libos_syscall

door_exit_start:
    cmpq $0, %gs:TB_PENDING
    jne exit_pending
    cmpq $0, REGS_FULL(%rsp)
    jne exit_full
    .cfi_remember_state
    .cfi_undefined %rip
    /* The arithmetic flags survive a system call. As popfq would restore them, but in a few cycles. */
    movb REGS_RFLAGS(%rsp), %ah
    movb REGS_RFLAGS+1(%rsp), %al
    shrb $3, %al
    andb $1, %al
    addb $0x7f, %al             /* OF, which sahf leaves alone */
    sahf
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    leaq 8(%rsp), %rsp          /* rcx: becomes rip, as after a syscall instruction */
    popq %rdx
    popq %rsi
    popq %rdi
    movq 8(%rsp), %rcx          /* rip */
    movq 24(%rsp), %rsp
    jmpq *%rcx

exit_full:
    movq REGS_RIP(%rsp), %rax
    movq %rax, %gs:TB_USER_RIP
    pushq REGS_RFLAGS(%rsp)
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    movq 24(%rsp), %rsp
    jmpq *%gs:TB_USER_RIP
door_exit_end:
    .cfi_restore_state

    /* As the syscall instruction masks them. The way back is the full one, which restores them. */
flags_clean:
    movq $1, REGS_FULL(%rsp)
    pushq $2
    popfq
    jmp flags_done

exit_pending:
    movq %rsp, %rdi
    call event_pending          /* enclave/event.c */
    jmp door_exit_start
    .cfi_endproc
    .size syscall_door, . - syscall_door

    .type event_door, @function
event_door:
    .cfi_startproc simple
    .cfi_signal_frame
    CFI_PROGRAM %rdi
    cld
    movq %rdi, %rbx
    .cfi_def_cfa_register %rbx
    call event_dispatch         /* enclave/event.c: (regs, event) */
    movq %rbx, %rsp
    jmp door_exit_start
    .cfi_endproc
    .size event_door, . - event_door

    /* rdi: struct cpu_regs to enter the program with; anywhere below the top of this stack. */
    .type cpu_enter_user, @function
cpu_enter_user:
    movq %gs:TB_STACK_TOP, %rdx
    subq $REGS_SIZE, %rdx
    movq %rdi, %rsi
    movq %rdx, %rdi
    movl $(REGS_SIZE / 8), %ecx
    cld
    rep movsq
    movq %rdx, %rsp
    jmp door_exit_start
    .size cpu_enter_user, . - cpu_enter_user

    .section .note.GNU-stack, "", @progbits
