/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the recorder's core needs of Xen, for a program under Linux. */
#ifndef SHIM_H
#define SHIM_H

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DEFINE_SPINLOCK(name) pthread_mutex_t name = PTHREAD_MUTEX_INITIALIZER
#define ha_lock_irqsave(lock, flags) \
    do { (flags) = 0; pthread_mutex_lock(lock); } while ( 0 )
#define ha_unlock_irqrestore(lock, flags) \
    do { (void)(flags); pthread_mutex_unlock(lock); } while ( 0 )

/* A clock that ticks with each look at it: always under the lock. */
extern uint64_t shim_clock;
#define HA_NOW() (shim_clock += 1000)

/* Like the kernel's: returns what was written, not what would have been. */
static inline int vscnprintf(char *buf, size_t size, const char *fmt,
                             va_list args)
{
    int n = vsnprintf(buf, size, fmt, args);

    if ( n < 0 || !size )
        return 0;

    return (size_t)n < size ? n : (int)size - 1;
}

#endif
