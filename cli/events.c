/* hallmark events: what happened, newest first. */
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/server.h"

struct events_options {
	const char *project, *kind, *actor;
	int limit;
};

enum { PRESET = 20 };

static const char *target_of(struct cli *cli, const struct events_options *o,
			     const struct model_ref *m)
{
	struct arena *a = cli->arena;
	const char *project = m->project ? m->project : o->project;
	const char *t = "/api/v1/events";

	if (project)
		t = arena_printf(a, "/api/v1/projects/%s/events",
				 percent_text(a, project, strlen(project), ""));
	if (m->model)
		t = with_query(a, t, "model", arena_printf(a, "%s/%s", m->project, m->model));
	t = with_query(a, t, "kind", o->kind);
	return with_query(a, t, "actor", o->actor);
}

static void print_table(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {"AT", "KIND", "BY", "WHAT", NULL};
	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);

		table_cell(t, time_short(cli->arena, json_text(row, "at")));
		table_cell(t, json_text(row, "kind"));
		table_cell(t, json_text(row, "actor"));
		table_cell(t, json_text(row, "subject"));
	}
	table_print(t);
}

static struct problem run(struct cli *cli, const void *given)
{
	const struct events_options *o = given;
	struct model_ref m = {0};
	json_t *items = NULL;

	if (cli->count)
		TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	TRY(server_list(cli, target_of(cli, o, &m), o->limit ? (size_t)o->limit : PRESET, &items));
	if (cli->globals.json)
		cli_print_json(cli, items);
	else
		print_table(cli, items);
	return NO_PROBLEM;
}

#define AT(member) offsetof(struct events_options, member)
static const struct cli_option options[] = {
	{"project", 0, OPTION_TEXT, AT(project), "PROJECT", "Only what happened in this project."},
	{"kind", 0, OPTION_TEXT, AT(kind), "KIND", "Only events of this kind."},
	{"actor", 0, OPTION_TEXT, AT(actor), "NAME", "Only what this user or program did."},
	{"limit", 'n', OPTION_NUMBER, AT(limit), "N", "How many to show; preset 20."},
	{.name = NULL},
};
#undef AT

const struct command command_events = {
	.name = "events",
	.operands = "[MODEL]",
	.most = 1,
	.summary = "Show what happened, newest first",
	.about =
		"Without a MODEL or a project, all events of the registry are meant, which only an "
		"administrator of the system may see.",
	.options = options,
	.size = sizeof(struct events_options),
	.examples =
		(const struct example[]){
			{"Who published what", "hallmark events --kind version.published"},
			{"The life of one model", "hallmark events default/minilm --limit 100"},
			{NULL, NULL},
		},
	.run = run,
};
