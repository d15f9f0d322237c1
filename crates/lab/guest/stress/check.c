/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "check.h"

#include <stdio.h>

unsigned long done;
bool failed;
const char *missing;

bool check(const char *what, long got, const long *wanted, size_t count)
{
    size_t i;

    for ( i = 0; i < count; i++ )
        if ( got == wanted[i] || (wanted[i] == FINE && got >= 0) )
        {
            done++;
            return true;
        }
    printf("stress: %s returned %ld\n", what, got);
    failed = true;

    return false;
}

void not_here(const char *why)
{
    missing = why;
}
