/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The steps, each in the file of its subject; in which order they are taken
 * says the table in main.c. */
#ifndef STRESS_STEPS_H
#define STRESS_STEPS_H

/* event_channels.c */
void evtchn_ports(void);
void evtchn_loopback(void);
void evtchn_bind(void);
void evtchn_refused(void);

/* grants.c */
void grant_grow(void);
void grant_version(void);
void grant_alloc(void);
void grant_self(void);
void grant_refused(void);

/* vcpus.c */
void vcpu_query(void);
void vcpu_initialise(void);
void vcpu_timers(void);
void vcpu_areas(void);

/* memory.c */
void memory_query(void);
void memory_map(void);
void memory_reservation(void);
void memory_exchange(void);
void memory_physmap(void);
void memory_refused(void);

/* page_tables.c */
void mmu_refused(void);
void last_readonly(void);
void last_shadowed(void);

/* calls.c */
void sched(void);
void version(void);
void multicall(void);
void pirqs(void);
void hvm(void);

/* privileged.c */
void privileged(void);
void xenoprof(void);

/* console.c */
void console_own(void);
void console_io(void);
void console_port(void);

#endif
