/* hallmark diff: what is different between versions of a model. */
#include <string.h>

#include "base/json_out.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/server.h"

enum { SIDES = 2 };

/* One thing that is compared: its values on both sides, NULL or JSON's null where it is missing. */
struct row {
	const char *what, *name;
	const json_t *a, *b;
};

static bool missing(const json_t *v)
{
	return !v || json_is_null(v);
}

/* "accuracy@val[en]", as filters write it. */
static const char *full_name(struct arena *a, const json_t *row)
{
	const char *dataset = json_text(row, "dataset"), *slice = json_text(row, "slice");
	const char *name = json_text(row, "name");

	if (dataset && *dataset)
		name = arena_printf(a, "%s@%s", name, dataset);
	return slice && *slice ? arena_printf(a, "%s[%s]", name, slice) : name;
}

static const char *shown(struct arena *a, const struct row *row, const json_t *value)
{
	struct json_out j = json_out_new(a);

	if (missing(value))
		return NULL;
	if (strcmp(row->what, "files") == 0)
		return arena_printf(a, "%.12s", json_string_value(value));
	if (json_is_string(value))
		return json_string_value(value);
	jw_tree(&j, value);
	return jw_done(&j);
}

/* "+0.01" for numbers, "new" or "gone" for what only one side has. */
static const char *difference(struct arena *a, const struct row *row)
{
	char text[32];

	if (missing(row->a) || missing(row->b))
		return missing(row->a) ? "new" : "gone";
	if (!json_is_number(row->a) || !json_is_number(row->b))
		return "changed";
	snprintf(text, sizeof(text), "%+.6g",
		 json_number_value(row->b) - json_number_value(row->a));
	return arena_dup(a, text, strlen(text));
}

static void add(struct cli *cli, struct table *t, struct row row)
{
	if (missing(row.a) ? missing(row.b) : row.b && json_equal(row.a, row.b))
		return;
	table_cell(t, row.what);
	table_cell(t, row.name);
	table_cell(t, shown(cli->arena, &row, row.a));
	table_cell(t, shown(cli->arena, &row, row.b));
	table_paint(t, missing(row.a) ? PAINT_GOOD : missing(row.b) ? PAINT_BAD : PAINT_WARN);
	table_cell(t, difference(cli->arena, &row));
}

static void add_rows(struct cli *cli, struct table *t, const char *what, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const json_t *values = json_object_get(row, "values");

		add(cli, t,
		    (struct row){what, full_name(cli->arena, row), json_array_get(values, 0),
				 json_array_get(values, 1)});
	}
}

/* The registry compares what makes a version; tags are compared here. */
static void add_tags(struct cli *cli, struct table *t, json_t *a, json_t *b)
{
	for (void *i = json_object_iter(a); i; i = json_object_iter_next(a, i)) {
		const char *name = json_object_iter_key(i);

		add(cli, t,
		    (struct row){"tags", name, json_object_iter_value(i),
				 json_object_get(b, name)});
	}
	for (void *i = json_object_iter(b); i; i = json_object_iter_next(b, i)) {
		const char *name = json_object_iter_key(i);

		if (!json_object_get(a, name))
			add(cli, t, (struct row){"tags", name, NULL, json_object_iter_value(i)});
	}
}

static void print(struct cli *cli, const json_t *page, const json_t *a, const json_t *b)
{
	const char *heads[] = {
		"WHAT",       "NAME", json_text(a, "version"), json_text(b, "version"),
		"DIFFERENCE", NULL};
	struct table *t = table_new(cli, heads);

	add_rows(cli, t, "params", json_object_get(page, "params"));
	add_rows(cli, t, "metrics", json_object_get(page, "metrics"));
	add_tags(cli, t, json_object_get(a, "tags"), json_object_get(b, "tags"));
	add_rows(cli, t, "files", json_object_get(page, "files"));
	if (table_is_empty(t))
		cli_say(cli, "%s and %s do not differ in params, metrics, tags and files", heads[2],
			heads[3]);
	else
		table_print(t);
}

static struct problem run(struct cli *cli, const void *options)
{
	struct arena *a = cli->arena;
	struct model_ref m;
	json_t *page = NULL;
	const char *target = NULL;

	(void)options;
	TRY(model_ref_read(a, cli->operands[0], &m));
	target = with_query(a, model_target(a, &m, "/compare"), "versions",
			    arena_printf(a, "%s,%s", reference_text(a, cli->operands[1]),
					 reference_text(a, cli->operands[2])));
	TRY(server_get(cli, target, &page));

	const json_t *versions = json_object_get(page, "versions");

	if (json_array_size(versions) != SIDES)
		return problem(a, PROBLEM_UNAVAILABLE, "the registry did not send two versions");
	if (cli->globals.json)
		cli_print_json(cli, page);
	else
		print(cli, page, json_array_get(versions, 0), json_array_get(versions, 1));
	return NO_PROBLEM;
}

const struct command command_diff = {
	.name = "diff",
	.operands = "MODEL REFERENCE REFERENCE",
	.least = 3,
	.most = 3,
	.summary = "Show what is different between two versions",
	.about = "Params, metrics, tags and files that differ are shown side by side; for numbers "
		 "the difference, too.",
	.examples =
		(const struct example[]){
			{"Is the new one better?", "hallmark diff default/minilm 1.0.0 latest"},
			{NULL, NULL},
		},
	.run = run,
};
