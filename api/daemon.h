/* daemon.h - libmicrohttpd on a loop: the listening socket, the turns, the drain.
 *
 * The daemon runs in external-epoll mode: its epoll descriptor is one of the loop's
 * poller, and it is run once a turn when it, a timer or a resumed connection wants it.
 * Its callbacks lead to api/stages.h (requests) and api/peer.h (connections).
 */
#ifndef HALLMARK_API_DAEMON_H
#define HALLMARK_API_DAEMON_H

#include <stdbool.h>

#include "base/problem.h"

struct loop;

struct problem daemon_open(struct arena *a, struct loop *loop) MUST_CHECK;
/* The loop's thread: returns when the service closes and everything was answered, or
 * the drain was cut (loop_busy() tells). */
void daemon_run(struct loop *loop);
void daemon_close(struct loop *loop); /* also what daemon_open() left half open */

#endif
