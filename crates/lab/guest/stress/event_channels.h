/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Ports, as other steps need them too. */
#ifndef STRESS_EVENT_CHANNELS_H
#define STRESS_EVENT_CHANNELS_H

#include <stdint.h>

/* A port of this domain's for that domain, to which nobody is bound. */
uint32_t alloc_port(uint16_t remote);

void close_port(uint32_t port);

#endif
