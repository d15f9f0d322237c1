/* The same static name in another file, and two names of one address. */
void allocator(unsigned int size)
{
    __asm__ volatile ( "" :: "r" (size) : "memory" );
}
void allocator_alias(unsigned int size) __attribute__((__alias__("allocator")));

static __attribute__((__noinline__, __used__)) void refill(void)
{
    __asm__ volatile ( "" ::: "memory" );
}

void __attribute__((__noreturn__)) stop(void)
{
    refill();
    for ( ; ; )
        ;
}
