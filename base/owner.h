/* owner.h - from a part to the struct it is a part of.
 *
 * Watches, timers, jobs and calls are handed to callbacks as pointers to a member
 * of whoever waits:
 *
 *	struct loop *loop = OWNER_OF(timer, struct loop, watchdog);
 */
#ifndef HALLMARK_BASE_OWNER_H
#define HALLMARK_BASE_OWNER_H

#include <stddef.h>

#define OWNER_OF(part, type, member) ((type *)(void *)((char *)(part)-offsetof(type, member)))

#endif
