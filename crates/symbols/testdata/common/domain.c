/* Stands for a file with functions that the recorder renamed; one of them was static before. */
extern void allocator(unsigned int size);
extern void complete_domain_destroy(unsigned int how);

void heap_audited_complete_domain_destroy(unsigned int how)
{
    allocator(how);
    __asm__ volatile ( "" ::: "memory" );
}

void heap_audited_domain_kill(unsigned int how)
{
    complete_domain_destroy(how + 1);
    __asm__ volatile ( "" ::: "memory" );
}

static __attribute__((__noinline__, __used__)) void stays_static(void)
{
    __asm__ volatile ( "" ::: "memory" );
}
