/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Does, inside a guest, what a guest may do to Xen without being trusted:
 *
 *     stress [PREFIX...]
 *
 * runs every step, or those whose names begin so. Hypercalls are issued raw,
 * through the kernel's privcmd device; where the kernel must take part (event
 * channels, grants, CPUs, memory) through its other devices and sysfs. What a
 * step takes it gives back, except what only the domain's end can free. Each
 * result is compared with what Xen promises; a refusal can be the promise.
 *
 * One line a step: "stress: NAME ok (N done)", "stress: NAME not here: WHY" or
 * "stress: NAME FAILED (N done)". The status is 1 if a step failed.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "event_channels.h"
#include "steps.h"
#include "xen.h"

static const struct step {
    const char *name;
    void (*run)(void);
} steps[] = {
    { "evtchn-ports", evtchn_ports },
    { "evtchn-loopback", evtchn_loopback },
    { "evtchn-bind", evtchn_bind },
    { "evtchn-refused", evtchn_refused },
    { "grant-grow", grant_grow },
    { "grant-version", grant_version },
    { "grant-alloc", grant_alloc },
    { "grant-self", grant_self },
    { "grant-refused", grant_refused },
    { "vcpu-query", vcpu_query },
    { "vcpu-initialise", vcpu_initialise },
    { "vcpu-timers", vcpu_timers },
    { "vcpu-areas", vcpu_areas },
    { "memory-query", memory_query },
    { "memory-map", memory_map },
    { "memory-reservation", memory_reservation },
    { "memory-exchange", memory_exchange },
    { "memory-physmap", memory_physmap },
    { "memory-refused", memory_refused },
    { "mmu-refused", mmu_refused },
    { "sched", sched },
    { "version", version },
    { "multicall", multicall },
    { "pirqs", pirqs },
    { "hvm", hvm },
    { "privileged", privileged },
    { "xenoprof", xenoprof },
    { "console-own", console_own },
    { "console-io", console_io },
    { "console-port", console_port },
    { "last-readonly", last_readonly },
    { "last-shadowed", last_shadowed },
};

static bool chosen(const char *name, int argc, char **argv)
{
    int i;

    for ( i = 1; i < argc; i++ )
        if ( !strncmp(name, argv[i], strlen(argv[i])) )
            return true;

    return argc == 1;
}

/* Who we are: Xen tells of a port, for whom it is. */
static void introduce(void)
{
    struct ve_features features = { 0 };
    struct ev_status status = { .dom = DOMID_SELF };

    status.port = alloc_port(DOMID_SELF);
    EXPECT(evtchn_op(ev_status, &status), 0);
    close_port(status.port);
    self = status.remote;
    EXPECT(xen_version(ve_features, &features), 0);
    translated = features.map & FEATURE_translated;
    printf("stress: domain %u, %s\n", self, translated ? "PVH" : "PV");
}

int main(int argc, char **argv)
{
    bool any_failed = false;
    size_t i;

    if ( !open_xen() || mlockall(MCL_CURRENT | MCL_FUTURE) )
    {
        perror("stress: /dev/xen/privcmd, or memory that stays");
        return 2;
    }
    introduce();
    for ( i = 0; i < ARRAY_SIZE(steps); i++ )
    {
        if ( !chosen(steps[i].name, argc, argv) )
            continue;
        done = 0;
        missing = NULL;
        steps[i].run();
        if ( failed )
            printf("stress: %s FAILED (%lu done)\n", steps[i].name, done);
        else if ( missing )
            printf("stress: %s not here: %s\n", steps[i].name, missing);
        else
            printf("stress: %s ok (%lu done)\n", steps[i].name, done);
        fflush(stdout);
        any_failed |= failed;
        failed = false;
    }

    return any_failed;
}
