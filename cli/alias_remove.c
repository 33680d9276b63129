/* hallmark alias remove: the name points nowhere again. */
#include "cli/alias.h"
#include "cli/commands.h"
#include "cli/server.h"

static struct problem run(struct cli *cli, const void *options)
{
	static const char *const headers[] = {"If-Match: *", NULL};
	struct model_ref m;

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	TRY(server_send(cli, "DELETE", alias_target(cli->arena, &m, cli->operands[1]), headers,
			NULL, NULL));
	cli_say(cli, "%s/%s has no alias %s any more", m.project, m.model, cli->operands[1]);
	return NO_PROBLEM;
}

const struct command command_alias_remove = {
	.name = "alias remove",
	.operands = "MODEL ALIAS",
	.least = 2,
	.most = 2,
	.summary = "Take an alias away",
	.examples =
		(const struct example[]){
			{"There is no challenger any more",
			 "hallmark alias remove default/minilm challenger"},
			{NULL, NULL},
		},
	.run = run,
};
