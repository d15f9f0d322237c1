/* Stands for the recorder: wrappers around renamed functions. */
extern void heap_audited_domain_kill(unsigned int how);
extern void heap_audited_complete_domain_destroy(unsigned int how);

static inline __attribute__((__always_inline__)) void call(void (*fn)(unsigned int), unsigned int how)
{
    fn(how);
    __asm__ volatile ( "" ::: "memory" );
}

void domain_kill(unsigned int how)
{
    call(heap_audited_domain_kill, how);
}

void complete_domain_destroy(unsigned int how)
{
    call(heap_audited_complete_domain_destroy, how);
}
