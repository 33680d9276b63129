/* progress.h - one line that tells how far a transfer is, on a terminal only.
 *
 * Any thread may count; whoever comes 100 ms after the last drawing draws.
 */
#ifndef HALLMARK_CLI_PROGRESS_H
#define HALLMARK_CLI_PROGRESS_H

#include <stdatomic.h>

#include "cli/cli.h"

struct progress {
	const char *verb; /* "sending" */
	bool shown;
	size_t files;
	int64_t bytes, began;
	atomic_size_t files_done;
	_Atomic int64_t bytes_done, bytes_before, drawn;
};

void progress_begin(struct progress *p, const struct cli *cli, const char *verb, size_t files,
		    int64_t bytes);
void progress_bytes(void *who, int64_t bytes);          /* moved now; negative: to be moved again */
void progress_known(struct progress *p, int64_t bytes); /* were there already */
void progress_file(struct progress *p);                 /* one is done */
void progress_end(struct progress *p);                  /* wipes the line */

#endif
