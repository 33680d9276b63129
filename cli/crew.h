/* crew.h - some threads that share a row of jobs.
 *
 * The first problem ends it: no new job is begun, and that problem is the
 * answer. Each member has an arena of its own, emptied after every job, and a
 * client of its own when the crew goes online.
 */
#ifndef HALLMARK_CLI_CREW_H
#define HALLMARK_CLI_CREW_H

#include "cli/cli.h"

enum { CREW_TRANSFERS = 4 };

struct crew_member {
	struct arena *arena;
	struct http *http; /* NULL unless online */
	void *who;
};

/* Runs work for every job from 0 to jobs - 1, in any order, on at most so many threads. */
MUST_CHECK struct problem crew_run(const struct cli *cli, int threads, bool online, size_t jobs,
				   struct problem (*work)(struct crew_member *m, size_t job),
				   void *who);

/* As many as the machine computes at once, at most 8: for hashing. */
int crew_processors(void);

#endif
