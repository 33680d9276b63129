/* hallmark deprecate: a version that should not be used any more. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/state.h"

struct deprecate_options {
	const char *reason;
};

static struct problem run(struct cli *cli, const void *given)
{
	const struct deprecate_options *o = given;

	if (!o->reason)
		return problem(cli->arena, CLI_USAGE,
			       "say why, for whoever meets it: --reason TEXT");
	return state_command(cli, "deprecate", o->reason);
}

static const struct cli_option options[] = {
	{"reason", 0, OPTION_TEXT, offsetof(struct deprecate_options, reason), "TEXT",
	 "Why, for whoever meets the version."},
	{.name = NULL},
};

const struct command command_deprecate = {
	.name = "deprecate",
	.operands = "MODEL@VERSION",
	.least = 1,
	.most = 1,
	.summary = "Advise against a version; ranges and latest still find it",
	.about = NULL,
	.options = options,
	.size = sizeof(struct deprecate_options),
	.examples =
		(const struct example[]){
			{"There is a better one",
			 "hallmark deprecate default/minilm@1.0.0 --reason 'use 1.1.0'"},
			{NULL, NULL},
		},
	.run = run,
};
