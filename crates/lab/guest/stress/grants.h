/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The grant table, as a step for memory needs it too. */
#ifndef STRESS_GRANTS_H
#define STRESS_GRANTS_H

#include "xen.h"

/* How many frames this domain's grant table has, and may have. */
struct gt_query_size grant_size(void);

#endif
