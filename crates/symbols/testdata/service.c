/* Stands for a file of Xen: a static function, an inlined one, a clone-like alias. */
extern void allocator(unsigned int size);
extern void stop(void) __attribute__((__noreturn__));

static inline __attribute__((__always_inline__)) void zalloc(unsigned int size)
{
    allocator(size);
    __asm__ volatile ( "" ::: "memory" );
}

static __attribute__((__noinline__)) void refill(unsigned int size)
{
    zalloc(size * 2);
    __asm__ volatile ( "" ::: "memory" );
}

void service(void)
{
    refill(21);
    zalloc(4);
    stop();
}
