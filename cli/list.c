/* hallmark list: the models of a project, or the versions of a model. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/screen.h"
#include "cli/server.h"

struct list_options {
	const char *project, *search, *range, *sort;
	struct texts tags, metrics, states;
	int limit;
};

enum { PRESET = 50 };

static const char *with_each(struct arena *a, const char *target, const char *name,
			     const struct texts *values)
{
	for (size_t i = 0; i < values->count; i++)
		target = with_query(a, target, name, values->items[i]);
	return target;
}

static const char *filtered(struct arena *a, const char *target, const struct list_options *o)
{
	target = with_query(a, target, "q", o->search);
	target = with_each(a, target, "tag", &o->tags);
	target = with_each(a, target, "metric", &o->metrics);
	target = with_each(a, target, "state", &o->states);
	target = with_query(a, target, "range", o->range);
	return with_query(a, target, "sort", o->sort);
}

/* ---- models ----------------------------------------------------------------------- */

static void print_models(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {"MODEL", "LATEST", "CHANGED", "DESCRIPTION", NULL};
	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);

		table_cell(t, arena_printf(cli->arena, "%s/%s", json_text(row, "project"),
					   json_text(row, "name")));
		table_cell(t, json_text(row, "latest"));
		table_cell(t, time_short(cli->arena, json_text(row, "updated_at")));
		table_cell(t, json_text(row, "description"));
	}
	table_print(t);
}

static struct problem models_target(struct cli *cli, const struct list_options *o,
				    const char **target)
{
	struct model_ref any;
	const char *project = o->project;

	if (o->states.count || o->range)
		return problem(cli->arena, CLI_USAGE,
			       "--state and --range are about versions: name a MODEL");
	if (!project) {
		TRY(model_ref_read(cli->arena, "any", &any)); /* for its preset project */
		project = any.project;
	}
	*target = arena_printf(cli->arena, "/api/v1/projects/%s/models",
			       percent_text(cli->arena, project, strlen(project), ""));
	return NO_PROBLEM;
}

/* ---- versions --------------------------------------------------------------------- */

static enum paint paint_of(const char *state)
{
	if (!state)
		return PAINT_NONE;
	if (strcmp(state, "published") == 0)
		return PAINT_GOOD;
	return strcmp(state, "yanked") == 0 ? PAINT_BAD : PAINT_WARN;
}

static void print_versions(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {"VERSION", "STATE",   ">NO", ">FILES",
					    ">SIZE",   "CREATED", "BY",  NULL};
	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);
		char size[SIZE_TEXT];
		bool sized = json_is_integer(json_object_get(row, "bytes"));

		table_cell(t, json_text(row, "version"));
		table_paint(t, paint_of(json_text(row, "state")));
		table_cell(t, json_text(row, "state"));
		table_cell(t,
			   arena_printf(cli->arena, "%lld", (long long)json_whole(row, "ordinal")));
		table_cell(t, sized ? arena_printf(cli->arena, "%lld",
						   (long long)json_whole(row, "files"))
				    : NULL);
		table_cell(t, sized ? arena_printf(cli->arena, "%s",
						   screen_size(json_whole(row, "bytes"), size))
				    : NULL);
		table_cell(t, time_short(cli->arena, json_text(row, "created_at")));
		table_cell(t, json_text(row, "created_by"));
	}
	table_print(t);
}

static struct problem versions_target(struct cli *cli, const struct list_options *o,
				      const char **target)
{
	struct model_ref m;

	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	if (m.reference || o->project)
		return problem(cli->arena, CLI_USAGE,
			       m.reference
				       ? "\"list\" takes a MODEL without a version: for one "
					 "version there is \"hallmark show\", for a range --range"
				       : "Write the project before the MODEL: PROJECT/MODEL");
	*target = model_target(cli->arena, &m, "/versions");
	return NO_PROBLEM;
}

/* ---- both ------------------------------------------------------------------------- */

static void print_names(struct cli *cli, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);

		if (cli->count)
			printf("%s\n", json_text(row, "version"));
		else
			printf("%s/%s\n", json_text(row, "project"), json_text(row, "name"));
	}
}

static struct problem run(struct cli *cli, const void *given)
{
	const struct list_options *o = given;
	size_t limit = o->limit ? (size_t)o->limit : PRESET;
	const char *target = NULL;
	json_t *items = NULL;

	if (cli->count)
		TRY(versions_target(cli, o, &target));
	else
		TRY(models_target(cli, o, &target));
	TRY(server_list(cli, filtered(cli->arena, target, o), limit, &items));
	if (cli->globals.json)
		cli_print_json(cli, items);
	else if (cli->globals.quiet)
		print_names(cli, items);
	else if (cli->count)
		print_versions(cli, items);
	else
		print_models(cli, items);
	if (json_array_size(items) == 0)
		cli_say(cli, cli->count ? "no versions" : "no models");
	if (json_array_size(items) == limit)
		cli_say(cli, "these are the first %zu; --limit shows more", limit);
	return NO_PROBLEM;
}

#define AT(member) offsetof(struct list_options, member)
static const struct cli_option options[] = {
	{"project", 0, OPTION_TEXT, AT(project), "PROJECT",
	 "The project whose models are meant; preset HALLMARK_PROJECT, else default."},
	{"search", 's', OPTION_TEXT, AT(search), "WORDS",
	 "Only what has these words, or their beginnings, in name or description."},
	{"tag", 't', OPTION_LIST, AT(tags), "NAME[=VALUE]", "Only what has this tag."},
	{"metric", 'm', OPTION_LIST, AT(metrics), "NAME>NUMBER",
	 "Only what has such a metric: < <= = >= >, as in 'accuracy@val>=0.9'."},
	{"state", 0, OPTION_LIST, AT(states), "STATE",
	 "Only versions in this state: draft, published, deprecated, yanked."},
	{"range", 0, OPTION_TEXT, AT(range), "RANGE", "Only versions in this range, such as ^1.4."},
	{"sort", 0, OPTION_TEXT, AT(sort), "KEY",
	 "The order: name, created_at or updated_at of models; version, created_at,"
	 " published_at or metric:NAME of versions; - before it turns it round."},
	{"limit", 'n', OPTION_NUMBER, AT(limit), "N", "How many to show; preset 50."},
	{.name = NULL},
};
#undef AT

const struct command command_list = {
	.name = "list",
	.operands = "[MODEL]",
	.most = 1,
	.summary = "List the models of a project, or the versions of a model",
	.options = options,
	.size = sizeof(struct list_options),
	.examples =
		(const struct example[]){
			{"All models for embedding", "hallmark list --tag task=embedding"},
			{"The best versions first",
			 "hallmark list default/minilm --sort -metric:stsb_spearman"},
			{NULL, NULL},
		},
	.run = run,
};
