/* part.h - a child that is started again when it has died, after a growing delay.
 *
 * What has lived for a minute starts again without one.
 */
#ifndef HALLMARK_HALLMARKD_PART_H
#define HALLMARK_HALLMARKD_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "hallmarkd/child.h"

struct supervisor;

struct part {
	struct child child;
	struct timer timer; /* starts it again; while stopping: ends our patience */
	struct supervisor *s;
	int64_t delay; /* of the last start that was not at once */
};

/* Starts one of our own commands: the descriptors become its 3, 4, …, out its standard
 * output (0: ours). False when it cannot; the log says why. */
bool part_start(struct part *p, const char *command, const int *fds, int nfds, int out);
void part_start_later(struct part *p); /* sets the timer */

#endif
