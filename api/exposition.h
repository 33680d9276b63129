/* exposition.h - what /metrics tells Prometheus: the counters of all loops, added up.
 *
 * Any thread may ask, at any time. Labels are bounded: route patterns, methods,
 * status classes; never a name.
 */
#ifndef HALLMARK_API_EXPOSITION_H
#define HALLMARK_API_EXPOSITION_H

#include "base/arena.h"

struct service;

/* The text format of Prometheus; in the arena. */
#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"
const char *exposition(const struct service *s, struct arena *a);

#endif
