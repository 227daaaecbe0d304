/*
 * Into and out of the enclave (lib/boundary/start.h says what is in which register).
 *
 * On entry nothing but rax (CSSA), rbx (TCS), rcx (where the host goes on) and the segment bases can be
 * trusted; the rest is the host's choice and is used only as data to be checked.
 */
#include "enclave/sgx/enclu.h"
#include "enclave/thread_block.h"

#define EREPORT 0
#define EGETKEY 1
#define EEXIT   4

#define ENTER_RETURN 3
#define ENTER_EVENT  4
#define EXIT_CALL       1
#define EXIT_EVENT_DONE 2
#define EXIT_REFUSED    3

#define XSAVE_AREA  11008       /* standard format up to and with AMX tile data; a multiple of 64 */

    .cfi_sections .debug_frame /* for debuggers; not measured */
    .text
    .globl enclave_entry, sgx_exit_call, sgx_thread_end, sgx_ereport, sgx_egetkey
    .globl sgx_exit_start, sgx_exit_end, sgx_exit_interrupted
    .hidden sgx_exit_call, sgx_thread_end, sgx_ereport, sgx_egetkey
    .hidden sgx_exit_start, sgx_exit_end, sgx_exit_interrupted

    /* All vector state that the enclave has (XFRM): whatever is left out here would be the host's to read. */
.macro ALL_VECTORS
    movl $-1, %eax
    movl $-1, %edx
.endm

    /* rbx: where to; rdi: reason; rsi: frame or 0; rsp, rbp the host's. Everything else is cleared. */
.macro LEAVE
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    movl $EEXIT, %eax
    ENCLU_SITE
.endm

.macro LEAVE_FOR_CALL
    movq %gs:TB_EXIT_TO, %rbx
    movl $EXIT_CALL, %edi
    movq %gs:TB_HOST_RBP, %rbp
    movq %gs:TB_HOST_RSP, %rsp
    LEAVE
.endm

    .p2align 6
    .type enclave_entry, @function
enclave_entry:
    .cfi_startproc simple
    .cfi_undefined %rip         /* the outermost frame */
    cld
    cmpq $1, %rax
    je enter_event
    ja refuse
    cmpq $ENTER_RETURN, %rdi
    je enter_return

    /* CSSA 0: the first entry of this thread's present life. C checks that it is expected. */
    cmpq $0, %gs:TB_CALL_RSP    /* the thread is inside a host call: only ENTER_RETURN may come */
    jne refuse
    movq %rcx, %gs:TB_EXIT_TO
    movq %rsp, %gs:TB_HOST_RSP
    movq %rbp, %gs:TB_HOST_RBP
    movl $1, %eax
    xchgq %rax, %gs:TB_STATE    /* THREAD_RUNNING */
    testq %rax, %rax
    jnz refuse
    lfence                      /* the ways in: none runs speculatively on the host's registers before it is chosen */
    movq %gs:TB_STACK_TOP, %rsp
    subq $256, %rsp
    xorl %ebp, %ebp
    pushq $0x1f80               /* flags and vector state are the host's: start clean */
    ldmxcsr (%rsp)
    fninit
    pushq $2
    popfq
    popq %rax
    call sgx_enter              /* (reason, a, b) */
    ud2

    /* CSSA 0, back from a host call: rsi = result, rdx = host signals. */
enter_return:
    movq %gs:TB_CALL_RSP, %r8
    testq %r8, %r8
    jz refuse
    lfence
    movq %rcx, %gs:TB_EXIT_TO
    movq %rsp, %gs:TB_HOST_RSP
    movq %rbp, %gs:TB_HOST_RBP
    lock orq %rdx, %gs:TB_PENDING
    movq %rsi, %r9

    /* r8 = TB_CALL_RSP, r9 = result */
finish_call:
    movq $0, %gs:TB_CALL_RSP
    movq %r8, %rsp
    pushq $2
    popfq
    ALL_VECTORS
    xrstor64 (%rsp)
    movq XSAVE_AREA(%rsp), %rsp
    popq %rax
    wrfsbase %rax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    movq %r9, %rax
    ret

    /* CSSA 1: an event interrupted SSA frame 0. Stage one looks at it on the event stack; the libos stack
       of the interrupted code is not touched. */
enter_event:
    cmpq $ENTER_EVENT, %rdi
    jne refuse
    lfence
    movq %rsp, %r8
    movq %rbp, %r9
    movq %gs:TB_EVENT_TOP, %rsp
    pushq $2
    popfq
    pushq %rcx
    pushq %r8
    pushq %r9
    pushq $0
    movq %rsi, %rdi
    movq %rdx, %rsi
    xorl %ebp, %ebp
    call sgx_stage_one          /* (signal, address) */
    addq $8, %rsp
    popq %rbp
    popq %r9
    popq %rbx
    movq %r9, %rsp
    movl $EXIT_EVENT_DONE, %edi
    jmp exit_clean

refuse:
    movq %rcx, %rbx
    movl $EXIT_REFUSED, %edi

exit_clean:
    xorl %esi, %esi
    LEAVE
    ud2
    .cfi_endproc

    /* _Noreturn void sgx_refuse(void): an entry that the doors let in and C did not. */
    .globl sgx_refuse
    .hidden sgx_refuse
    .type sgx_refuse, @function
sgx_refuse:
    movq %gs:TB_EXIT_TO, %rbx
    movq %gs:TB_HOST_RBP, %rbp
    movq %gs:TB_HOST_RSP, %rsp
    movl $EXIT_REFUSED, %edi
    jmp exit_clean

    /* int64_t sgx_exit_call(struct hostcall_frame *frame, bool blocks): one host call. When it blocks: -EINTR if
       an event is pending. An event that arrives between the look and ENCLU sends the thread to
       sgx_exit_interrupted (event.c); one that arrives later finds the host, which looks for itself. */
    .type sgx_exit_call, @function
sgx_exit_call:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    rdfsbase %rax
    pushq %rax
    movl %esi, %r9d
    movq %rdi, %rsi
    movq %rsp, %r8
    subq $(XSAVE_AREA + 8), %rsp
    andq $-64, %rsp
    movq %r8, XSAVE_AREA(%rsp)
    /* The XSAVE header must be zero before the first XSAVE into this memory. */
    xorl %eax, %eax
    leaq 512(%rsp), %rdi
    movl $8, %ecx
    rep stosq
    ALL_VECTORS
    xsave64 (%rsp)
    leaq clean_xsave(%rip), %rcx
    xrstor64 (%rcx)
    movq %rsp, %gs:TB_CALL_RSP
    testb %r9b, %r9b
    jz exit_without_look
sgx_exit_start:
    cmpq $0, %gs:TB_PENDING
    jne sgx_exit_interrupted
    LEAVE_FOR_CALL
sgx_exit_end:
    ud2
sgx_exit_interrupted:
    movq %gs:TB_CALL_RSP, %r8
    movq $-4, %r9               /* EINTR */
    jmp finish_call
exit_without_look:
    LEAVE_FOR_CALL
    ud2
    .size sgx_exit_call, . - sgx_exit_call

    /* _Noreturn void sgx_thread_end(struct hostcall_frame *frame, uint32_t *slot): give the thread's number
       back with the last store, when neither its stack nor its block is needed any more, and leave. */
    .type sgx_thread_end, @function
sgx_thread_end:
    ALL_VECTORS
    leaq clean_xsave(%rip), %rcx
    xrstor64 (%rcx)
    xorl %eax, %eax
    wrfsbase %rax
    movq %rsi, %r8
    movq %rdi, %rsi
    movq %gs:TB_EXIT_TO, %rbx
    movl $EXIT_CALL, %edi
    movq %gs:TB_HOST_RBP, %rbp
    movq %gs:TB_HOST_RSP, %rsp
    movl $0, (%r8)
    LEAVE
    ud2
    .size sgx_thread_end, . - sgx_thread_end

    /* void sgx_ereport(target_info, report_data, report) */
    .type sgx_ereport, @function
sgx_ereport:
    pushq %rbx
    movq %rdx, %r8
    movq %rdi, %rbx
    movq %rsi, %rcx
    movq %r8, %rdx
    movl $EREPORT, %eax
    ENCLU_SITE
    popq %rbx
    ret

    /* uint64_t sgx_egetkey(key_request, key): the error code */
    .type sgx_egetkey, @function
sgx_egetkey:
    pushq %rbx
    movq %rdi, %rbx
    movq %rsi, %rcx
    movl $EGETKEY, %eax
    ENCLU_SITE
    popq %rbx
    ret

    .section .rodata
    .balign 64
    /* An XSAVE image in which every component is in its initial state. */
clean_xsave:
    .short 0x37f                /* FCW */
    .fill 22, 1, 0
    .long 0x1f80, 0             /* MXCSR */
    .fill 480 + 64, 1, 0

    .section .note.GNU-stack, "", @progbits
