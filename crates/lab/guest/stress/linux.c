/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#define _GNU_SOURCE

#include "linux.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void sleep_ms(unsigned int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&time, NULL);
}

bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    ssize_t size = strlen(text);
    bool good = fd >= 0 && write(fd, text, size) == size;

    if ( fd >= 0 )
        close(fd);

    return good;
}

long read_number(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY);

    if ( fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 )
        text[0] = '\0';
    if ( fd >= 0 )
        close(fd);

    return text[0] ? atol(text) : -1;
}
