#include "hallmarkd/part.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/timestamp.h"

enum {
	MS = 1000,
	SHORTEST_DELAY = 50 * MS,
	LONGEST_DELAY = FAILPOINTS_OR(SHORTEST_DELAY, 10 * 1000 * MS),
	HEALTHY = 60 * 1000 * MS /* what has lived that long starts again without delay */
};

bool part_start(struct part *p, const char *command, const int *fds, int nfds, int out)
{
	const char *argv[] = {"hallmarkd", command, NULL};
	const struct child_plan plan = {.argv = argv,
					.fds = fds,
					.nfds = nfds,
					.out = out,
					.death_signal = SIGKILL,
					.clean = true};

	if (child_start(&p->child, &plan))
		return true;
	log_line(LOG_ERROR, "start_failed", LOG_TEXT("process", p->child.name),
		 LOG_TEXT("why", strerror(errno)));
	return false;
}

void part_start_later(struct part *p)
{
	int64_t now = monotonic_us();

	if (p->child.started && now - p->child.started > HEALTHY)
		p->delay = 0;
	p->delay = p->delay ? 2 * p->delay : SHORTEST_DELAY;
	if (p->delay > LONGEST_DELAY)
		p->delay = LONGEST_DELAY;
	poller_set(p->child.poller, &p->timer, now + p->delay);
}
