/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a step has done, and whether it was as Xen promises. */
#ifndef STRESS_CHECK_H
#define STRESS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Of the step that runs. */
extern unsigned long done;      /* how many things that were as they must be */
extern bool failed;             /* whether one was not */
extern const char *missing;     /* why it cannot be taken here, or NULL */

/* Stands for every result that is no error. */
#define FINE 1000000

/* Whether a result is one of those that are wanted; says which is not. */
bool check(const char *what, long got, const long *wanted, size_t count);

#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* The call is done if its result is one of those behind it. */
#define EXPECT(call, ...) \
    check(__FILE__ ":" STRING(__LINE__) ": " #call, call, \
          (const long[]){ __VA_ARGS__ }, \
          ARRAY_SIZE(((const long[]){ __VA_ARGS__ })))

#define HOLDS(condition) EXPECT(!!(condition), 1)

/* This domain cannot take the step, for that reason. */
void not_here(const char *why);

#endif
