/* hallmark diff: what is different between two versions of a model. */
#include <string.h>

#include "base/json_out.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/server.h"

/* Both versions with what is compared, as the registry gives them. */
struct sides {
	const json_t *a, *b;
};

/* One line of the answer. a or b is NULL where the thing is missing. */
struct change {
	const char *what; /* "params", "metrics", "tags", "files" */
	const char *name;
	const json_t *a, *b;
};

struct changes {
	struct arena *arena;
	struct change *rows;
	size_t count, room;
};

static void add(struct changes *c, struct change row)
{
	if (row.a && row.b && json_equal(row.a, row.b))
		return;
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 64;

		struct change *wider = arena_array(c->arena, struct change, c->room);

		if (c->count)
			memcpy(wider, c->rows, c->count * sizeof(*wider));
		c->rows = wider;
	}
	c->rows[c->count++] = row;
}

/* ---- params, tags: objects -------------------------------------------------------- */

static void compare_objects(struct changes *c, const char *what, json_t *a, json_t *b)
{
	for (void *i = json_object_iter(a); i; i = json_object_iter_next(a, i)) {
		const char *name = json_object_iter_key(i);

		add(c, (struct change){what, name, json_object_iter_value(i),
				       json_object_get(b, name)});
	}
	for (void *i = json_object_iter(b); i; i = json_object_iter_next(b, i)) {
		const char *name = json_object_iter_key(i);

		if (!json_object_get(a, name))
			add(c, (struct change){what, name, NULL, json_object_iter_value(i)});
	}
}

/* ---- metrics, files: rows with a name --------------------------------------------- */

/* "accuracy@val[en]", as filters write it. */
static const char *metric_name(struct arena *a, const json_t *row)
{
	const char *dataset = json_text(row, "dataset"), *slice = json_text(row, "slice");
	const char *name = json_text(row, "name");

	if (dataset && *dataset)
		name = arena_printf(a, "%s@%s", name, dataset);
	return slice && *slice ? arena_printf(a, "%s[%s]", name, slice) : name;
}

static const char *file_name(struct arena *a, const json_t *row)
{
	(void)a;
	return json_text(row, "path");
}

/* Rows turned into an object from name to the member that is compared. */
static json_t *by_name(struct arena *a, const json_t *rows,
		       const char *(*name)(struct arena *a, const json_t *row), const char *member)
{
	json_t *object = cli_own(a, json_object());

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *n = name(a, row);

		if (n)
			json_object_set(object, n, json_object_get(row, member));
	}
	return object;
}

static struct changes compare(struct arena *arena, const struct sides *s)
{
	struct changes c = {.arena = arena};
	const json_t *a = s->a, *b = s->b;

	compare_objects(&c, "params", json_object_get(a, "params"), json_object_get(b, "params"));
	compare_objects(&c, "metrics",
			by_name(arena, json_object_get(a, "metrics"), metric_name, "value"),
			by_name(arena, json_object_get(b, "metrics"), metric_name, "value"));
	compare_objects(&c, "tags", json_object_get(a, "tags"), json_object_get(b, "tags"));
	compare_objects(&c, "files",
			by_name(arena, json_object_get(a, "files"), file_name, "sha256"),
			by_name(arena, json_object_get(b, "files"), file_name, "sha256"));
	return c;
}

/* ---- printing --------------------------------------------------------------------- */

static const char *shown(struct arena *a, const struct change *row, const json_t *value)
{
	struct json_out j = json_out_new(a);

	if (!value)
		return NULL;
	if (strcmp(row->what, "files") == 0)
		return arena_printf(a, "%.12s", json_string_value(value));
	if (json_is_string(value))
		return json_string_value(value);
	jw_tree(&j, value);
	return jw_done(&j);
}

/* "+0.01" for numbers, "new" or "gone" for what only one side has. */
static const char *difference(struct arena *a, const struct change *row)
{
	char text[32];

	if (!row->a || !row->b)
		return row->b ? "new" : "gone";
	if (!json_is_number(row->a) || !json_is_number(row->b))
		return "changed";

	double d = json_number_value(row->b) - json_number_value(row->a);

	snprintf(text, sizeof(text), "%+.6g", d);
	return arena_dup(a, text, strlen(text));
}

static void print(struct cli *cli, const struct changes *c, const char *left, const char *right)
{
	const char *heads[] = {"WHAT", "NAME", left, right, "DIFFERENCE", NULL};
	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < c->count; i++) {
		const struct change *row = &c->rows[i];

		table_cell(t, row->what);
		table_cell(t, row->name);
		table_cell(t, shown(cli->arena, row, row->a));
		table_cell(t, shown(cli->arena, row, row->b));
		table_paint(t, !row->a ? PAINT_GOOD : !row->b ? PAINT_BAD : PAINT_WARN);
		table_cell(t, difference(cli->arena, row));
	}
	if (c->count)
		table_print(t);
	else
		cli_say(cli, "%s and %s do not differ in params, metrics, tags and files", left,
			right);
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
	if (cli->globals.json) {
		cli_print_json(cli, page);
		return NO_PROBLEM;
	}

	const json_t *items = json_object_get(page, "versions");
	const struct sides s = {json_array_get(items, 0), json_array_get(items, 1)};

	if (!s.a || !s.b)
		return problem(a, PROBLEM_UNAVAILABLE, "The registry did not send two versions");

	const struct changes c = compare(a, &s);

	print(cli, &c, json_text(s.a, "version"), json_text(s.b, "version"));
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
