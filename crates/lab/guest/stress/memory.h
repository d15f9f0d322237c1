/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The domain's memory, as a step for page tables needs it too. */
#ifndef STRESS_MEMORY_H
#define STRESS_MEMORY_H

#include <stdint.h>

/* A call by which the domain gets or gives back so many pieces of memory, each
 * of 2^order pages, at the frames in the list: how many were done. */
long reserve(unsigned int op, uint64_t *list, unsigned int count,
             unsigned int order);

#endif
