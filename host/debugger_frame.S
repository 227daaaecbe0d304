/*
 * The frame between the serve loop and serve_call() (debugger.h). It does nothing but keep the thread's page in a
 * register; the rest is for debuggers, which read by these rules, from the enclave's memory, who made the host call:
 * TB_CALL_RSP of the page, XSAVE_AREA above it the stack pointer, and there what sgx_exit_call pushed
 * (enclave/thread_block.h, enclave/sgx/door.S; tests/e2e/gdb_test.py sees that they agree).
 */
        .cfi_sections .debug_frame
        .text
        .globl debugger_serve_call
        .hidden debugger_serve_call
        .type debugger_serve_call, @function
debugger_serve_call:
        .cfi_startproc
        .cfi_signal_frame                       /* the caller's stack lies anywhere */
        push    %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        mov     %rdx, %rbx
        /* CFA = *(*(rbx + 0xb0) + 11008) + 64 */
        .cfi_escape 0x0f, 10, 0x73, 0xb0, 0x01, 0x06, 0x23, 0x80, 0x56, 0x06, 0x23, 0x40
        .cfi_offset %rip, -8
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        call    serve_call
        nop                                     /* where it returns to still has the rules above: of a signal frame the address counts as it is */
        .cfi_def_cfa %rsp, 16
        .cfi_rel_offset %rbx, 0
        .cfi_same_value %rbp
        .cfi_same_value %r12
        .cfi_same_value %r13
        .cfi_same_value %r14
        .cfi_same_value %r15
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size debugger_serve_call, . - debugger_serve_call

        .section .note.GNU-stack, "", @progbits
