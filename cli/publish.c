/* hallmark publish: a draft is signed and does not change again. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/state.h"

static struct problem run(struct cli *cli, const void *options)
{
	(void)options;
	return state_command(cli, "publish", NULL);
}

const struct command command_publish = {
	.name = "publish",
	.operands = "MODEL@VERSION",
	.least = 1,
	.most = 1,
	.summary = "Publish a draft: it is signed, and its files never change again",
	.examples =
		(const struct example[]){
			{"After looking at the draft", "hallmark publish default/minilm@1.0.0"},
			{NULL, NULL},
		},
	.run = run,
};
