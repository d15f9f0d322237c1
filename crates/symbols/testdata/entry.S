/* A local label without a size, as Xen's entry code has them. */
        .text
        .globl entry_point
entry_point:
        nop
local_entry:
        call service
        hlt
        .section .note.GNU-stack,"",@progbits
