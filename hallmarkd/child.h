/* child.h - one process that the supervisor looks after.
 *
 * Its end is noticed through a pidfd in the supervisor's poller, so a process that is
 * not our child (a PostgreSQL found running) is watched in the same way. A child leads
 * a session of its own: Ctrl-C reaches the supervisor alone, which stops the others in
 * their order. When the supervisor dies the kernel sends the child death_signal.
 */
#ifndef HALLMARK_HALLMARKD_CHILD_H
#define HALLMARK_HALLMARKD_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/poller.h"

struct child {
	struct poller *poller;
	const char *name;
	pid_t pid;       /* 0: not running */
	int64_t started; /* monotonic_us() */
	/* It has ended: status as of waitpid(2), -1 when the process was adopted. */
	void (*ended)(struct child *c, int status);

	struct watch watch;
};

enum { CHILD_FDS = 72 };

struct child_plan {
	const char *path;        /* the program; NULL: our own */
	const char *const *argv; /* ends with NULL */
	const int *fds;          /* become 3, 4, … in the child */
	int nfds;
	int out, err; /* become 1 and 2; 0: as ours */
	int death_signal;
	bool clean; /* without our settings' variables in its environment */
};

/* False with errno set. A program that cannot be executed ends with status 127. */
bool child_start(struct child *c, const struct child_plan *plan);
bool child_adopt(struct child *c, pid_t pid);
void child_signal(const struct child *c, int sig); /* nothing when it does not run */

/* Runs it to its end, without a poller. The status as of waitpid(2), -1 with errno set
 * when it cannot start; *said is what it wrote to both streams, the last 2 KiB of it. */
int child_run(struct arena *a, const struct child_plan *plan, const char **said);

#endif
