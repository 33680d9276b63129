/* state.h - a version's way from draft to published, deprecated, yanked. */
#ifndef HALLMARK_CLI_STATE_H
#define HALLMARK_CLI_STATE_H

#include "cli/server.h"

/* verb is the last segment of the target: publish, deprecate, yank. reason may be NULL;
 * document is the version afterwards. */
MUST_CHECK struct problem state_change(struct cli *cli, const struct model_ref *m,
				       const char *version, const char *verb, const char *reason,
				       json_t **document);

/* The whole of a command MODEL@VERSION that changes the state and says so. */
MUST_CHECK struct problem state_command(struct cli *cli, const char *verb, const char *reason);

#endif
