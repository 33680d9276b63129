/* hallmark alias list: which names point where. */
#include "cli/alias.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/server.h"

static struct problem run(struct cli *cli, const void *options)
{
	static const char *const heads[] = {"ALIAS", "VERSION", "MOVED", "BY", NULL};
	struct model_ref m;
	json_t *items = NULL;

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	TRY(server_list(cli, model_target(cli->arena, &m, "/aliases"), 0, &items));
	if (cli->globals.json) {
		cli_print_json(cli, items);
		return NO_PROBLEM;
	}

	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);

		table_cell(t, json_text(row, "alias"));
		table_cell(t, json_text(row, "version"));
		table_cell(t, time_short(cli->arena, json_text(row, "moved_at")));
		table_cell(t, json_text(row, "moved_by"));
	}
	table_print(t);
	return NO_PROBLEM;
}

const struct command command_alias_list = {
	.name = "alias list",
	.operands = "MODEL",
	.least = 1,
	.most = 1,
	.summary = "List the aliases of a model",
	.examples =
		(const struct example[]){
			{"Who is champion?", "hallmark alias list default/minilm"},
			{NULL, NULL},
		},
	.run = run,
};
