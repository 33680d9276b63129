/* relay.h - PostgreSQL's log lines become lines of our own log. */
#ifndef HALLMARK_HALLMARKD_RELAY_H
#define HALLMARK_HALLMARKD_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/poller.h"

struct relay {
	struct poller *poller;
	struct watch watch;
	enum log_level level; /* of the message that continuation lines belong to */
	size_t len;
	char line[4096];
};

/* The end of a pipe that PostgreSQL writes its log to; -1 with errno set. The caller
 * closes it when the child has it. A relay that is open already is closed first. */
int relay_open(struct relay *r, struct poller *p);
void relay_close(struct relay *r); /* reads what is left; nothing when not open */

#endif
