/* listen.h - a listening TCP socket from "host:port" or "[v6]:port". */
#ifndef HALLMARK_API_LISTEN_H
#define HALLMARK_API_LISTEN_H

#include <stdbool.h>

#include "base/problem.h"

/* Non-blocking, close-on-exec. With shared, others of our loops may listen on the
 * same address (SO_REUSEPORT); a first try without it shows a second instance,
 * which SO_REUSEPORT would hide. */
struct problem listen_open(struct arena *a, const char *address, bool shared, int *fd) MUST_CHECK;

#endif
