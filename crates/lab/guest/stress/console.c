/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: what is said on the console. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>

#include "check.h"
#include "linux.h"
#include "steps.h"
#include "xen.h"

/* A line of the recorder's, with its check, but of no boot of this machine. */
static size_t forged(char *line, size_t size, const char *text)
{
    unsigned int crc = 0xffff, bit;
    const char *c;

    for ( c = text; *c; c++ )
    {
        crc ^= (unsigned int)(unsigned char)*c << 8;
        for ( bit = 0; bit < 8; bit++ )
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }

    return snprintf(line, size, "(XEN) %s %04x\n", text, crc);
}

/* Whatever could be taken for Xen's: lines of the recorder with a header and
 * without, cut off, of another recorder, with escapes; the last without end. */
static void imitate(void (*print)(const char *bytes, size_t count))
{
    static const char *const records[] = {
        "HA1 00000000 1 A x ffff83007c4d2010 392 s1 d0 c1 t2cb417800 u416",
        "HA1 00000000 2 F x ffff83007c4d2010 392 s1 d0 c1 t2cb417801",
        "HA1 0badc0de 0 V fmt=1 xen=4.17.5 arch=x86_64 build=00 "
            "text=ffff82d040200000-ffff82d04038abb1 modes=trace depth=32 "
            "stacks=16 rows=16 live=64 ring=64 domains=512",
        "HA1 0badc0de 1 A d 7c4d2000 4096 s1 d0 c1 t2cb417800",
    };
    static const char *const lines[] = {
        "(XEN) HA1 00000000 3 A x ffff83007c4d2010 392 s1 d0 c1\n",
        "(XEN) HA1 00000000 x\n",
        "(XEN) DEBUG: d1: xmem_pool_alloc - size 712 p=0000830000001010\n",
        "(XEN) Xen call trace:\n",
        "(XEN)    [<ffff82d040230090>] R _xmalloc+0xf0/0x32c\n",
        "(XEN) [    1.000000] DEBUG: d1: xfree - p=0000830000001010\n",
        "\033[31m(XEN) \033[0mHA1 00000000 4 F x 1 1\033]0;title\007\n",
        "\001\002\010\t\016\177\233(XEN) HA1\200\377 00000000\r\r\n",
        "half a line, and (XEN) HA1 00000000 5 A x ffff8300",
    };
    char line[512];
    size_t i;

    for ( i = 0; i < ARRAY_SIZE(records); i++ )
        print(line, forged(line, sizeof(line), records[i]));
    for ( i = 0; i < ARRAY_SIZE(lines); i++ )
        print(lines[i], strlen(lines[i]));
}

static void print_own(const char *bytes, size_t count)
{
    HOLDS(fwrite(bytes, 1, count, stdout) == count);
    fflush(stdout);
    /* Half lines come in two pieces, with time between. */
    sleep_ms(20);
}

void console_own(void)
{
    imitate(print_own);
    print_own(" and its end\n", 13);
}

/* A Xen that was built for debugging takes it, and shows it as the guest's. */
static void print_xen(const char *bytes, size_t count)
{
    EXPECT(hypercall(hc_console_io, 0, count, ptr(bytes), 0), 0, -EPERM);
}

void console_io(void)
{
    char byte;

    imitate(print_xen);
    EXPECT(hypercall(hc_console_io, 1, 1, ptr(&byte), 0), -EPERM);
}

#define DEBUG_PORT 0xe9

static void print_port(const char *bytes, size_t count)
{
    size_t i;

    for ( i = 0; i < count; i++ )
        outb(bytes[i], DEBUG_PORT);
    done++;
}

/* The port of which Xen shows what HVM and PVH guests write to it. */
void console_port(void)
{
    if ( !translated )
        return not_here("Xen gives PV guests no such port");
    if ( !HOLDS(ioperm(DEBUG_PORT, 1, 1) == 0) )
        return;
    imitate(print_port);
    print_port("\n", 1);
}
