/* hallmark yank: a version that must not be used. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/state.h"

struct yank_options {
	const char *reason;
};

static struct problem run(struct cli *cli, const void *given)
{
	const struct yank_options *o = given;

	if (!o->reason)
		return problem(cli->arena, CLI_USAGE,
			       "say why, for whoever meets it: --reason TEXT");
	return state_command(cli, "yank", o->reason);
}

static const struct cli_option options[] = {
	{"reason", 0, OPTION_TEXT, offsetof(struct yank_options, reason), "TEXT",
	 "Why, for whoever meets the version."},
	{.name = NULL},
};

const struct command command_yank = {
	.name = "yank",
	.operands = "MODEL@VERSION",
	.least = 1,
	.most = 1,
	.summary = "Withdraw a version for good; only its exact name still finds it",
	.about = "Ranges, latest, newest and aliases no longer find it. A pull by its exact "
		 "version still works, with a warning. There is no way back.",
	.options = options,
	.size = sizeof(struct yank_options),
	.examples =
		(const struct example[]){
			{"Its training data leaked into the test set",
			 "hallmark yank default/minilm@1.0.0 --reason 'test data in training'"},
			{NULL, NULL},
		},
	.run = run,
};
