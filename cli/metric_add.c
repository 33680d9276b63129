/* hallmark metric add: a version is measured again. */
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/metadata.h"
#include "cli/server.h"

static struct problem run(struct cli *cli, const void *options)
{
	struct model_ref m;
	json_t *metrics = json_array(), *answer = NULL;
	const json_t *body = cli_own(cli->arena, json_pack("{s:o}", "metrics", metrics));

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	for (int i = 1; i < cli->count; i++)
		TRY(metadata_metric(cli->arena, cli->operands[i], metrics));
	TRY(server_send(cli, "POST", version_target(cli->arena, &m, m.reference, "/metrics"), NULL,
			body, &answer));
	if (cli->globals.json)
		cli_print_json(cli, answer);
	else
		cli_say(cli, "%d metric%s added to %s", cli->count - 1, cli->count == 2 ? "" : "s",
			cli->operands[0]);
	return NO_PROBLEM;
}

const struct command command_metric_add = {
	.name = "metric add",
	.operands = "MODEL@REFERENCE NAME=NUMBER…",
	.least = 2,
	.most = 1000,
	.summary = "Add metrics to a version, also to a published one",
	.about = "Each is written as for push: NAME=NUMBER, with ,dataset= ,slice= ,step= ,at= "
		 "after "
		 "it when wanted. The registry keeps who added it and when.",
	.examples =
		(const struct example[]){
			{"Measured on another dataset",
			 "hallmark metric add default/minilm@1.0.0 accuracy=0.91,dataset=test"},
			{NULL, NULL},
		},
	.run = run,
};
