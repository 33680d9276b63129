/* hallmark show: all about a model or a version. */
#include <string.h>

#include "base/json_out.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/server.h"

enum { VERSIONS_SHOWN = 10 };

static const char *json_of(struct arena *a, const json_t *tree)
{
	struct json_out j = json_out_new(a);

	if (json_is_string(tree))
		return json_string_value(tree);
	jw_tree(&j, tree);
	return jw_done(&j);
}

/* {"epochs":1,"optimizer":"adamw"} as "epochs=1 optimizer=adamw" */
static const char *pairs(struct arena *a, json_t *object)
{
	const char *line = "";

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
		line = arena_printf(a, "%s%s%s=%s", line, *line ? "  " : "",
				    json_object_iter_key(i), json_of(a, json_object_iter_value(i)));
	return line;
}

static const char *by(struct arena *a, const json_t *row, const char *at, const char *who)
{
	const char *time = time_short(a, json_text(row, at));

	if (!time)
		return NULL;
	return json_text(row, who) ? arena_printf(a, "%s by %s", time, json_text(row, who)) : time;
}

/* ---- a model ---------------------------------------------------------------------- */

static void print_model(struct cli *cli, const json_t *model, const json_t *aliases,
			const json_t *versions)
{
	struct arena *a = cli->arena;
	const char *names = "";

	printf("%s\n",
	       screen_paint(cli, PAINT_HEAD,
			    screen_safe(a, arena_printf(a, "%s/%s", json_text(model, "project"),
							json_text(model, "name")))));
	screen_field(cli, "description", json_text(model, "description"));
	screen_field(cli, "tags", pairs(a, json_object_get(model, "tags")));
	screen_field(cli, "created", by(a, model, "created_at", "created_by"));
	screen_field(cli, "latest", json_text(model, "latest"));
	for (size_t i = 0; i < json_array_size(aliases); i++) {
		const json_t *row = json_array_get(aliases, i);

		names = arena_printf(a, "%s%s@%s=%s", names, *names ? "  " : "",
				     json_text(row, "alias"), json_text(row, "version"));
	}
	screen_field(cli, "aliases", names);
	if (json_array_size(versions))
		screen_heading(cli, "Versions");
	for (size_t i = 0; i < json_array_size(versions); i++) {
		const json_t *row = json_array_get(versions, i);

		printf("  %-16s %-11s %s\n", json_text(row, "version"), json_text(row, "state"),
		       by(a, row, "created_at", "created_by"));
	}
}

static struct problem show_model(struct cli *cli, const struct model_ref *m)
{
	struct arena *a = cli->arena;
	json_t *model = NULL, *aliases = NULL, *versions = NULL;

	TRY(server_get(cli, model_target(a, m, ""), &model));
	TRY(server_list(cli, model_target(a, m, "/aliases"), 0, &aliases));
	TRY(server_list(cli, model_target(a, m, "/versions"), VERSIONS_SHOWN, &versions));
	if (cli->globals.json)
		cli_print_json(cli,
			       cli_own(a, json_pack("{s:O, s:O, s:O}", "model", model, "aliases",
						    aliases, "versions", versions)));
	else
		print_model(cli, model, aliases, versions);
	return NO_PROBLEM;
}

/* ---- a version -------------------------------------------------------------------- */

struct about {
	json_t *version, *metrics, *lineage, *files;
};

static void print_facts(struct cli *cli, const json_t *v)
{
	struct arena *a = cli->arena;
	const char *title = arena_printf(a, "%s/%s@%s", json_text(v, "project"),
					 json_text(v, "model"), json_text(v, "version"));
	char size[SIZE_TEXT];

	printf("%s\n", screen_paint(cli, PAINT_HEAD, screen_safe(a, title)));
	screen_field(cli, "state", json_text(v, "state"));
	screen_field(cli, "reason", json_text(v, "reason"));
	screen_field(cli, "ordinal", arena_printf(a, "v%lld", (long long)json_whole(v, "ordinal")));
	screen_field(cli, "created", by(a, v, "created_at", "created_by"));
	screen_field(cli, "published", by(a, v, "published_at", "published_by"));
	screen_field(cli, "signed by",
		     json_text(v, "key_id") ? arena_printf(a, "key %s", json_text(v, "key_id"))
					    : NULL);
	if (json_is_integer(json_object_get(v, "bytes")))
		screen_field(cli, "size",
			     arena_printf(a, "%s in %lld files",
					  screen_size(json_whole(v, "bytes"), size),
					  (long long)json_whole(v, "files")));
	screen_field(cli, "description", json_text(v, "description"));
	screen_field(cli, "tags", pairs(a, json_object_get(v, "tags")));
	screen_field(cli, "params", pairs(a, json_object_get(v, "params")));
}

static void print_metrics(struct cli *cli, const json_t *metrics)
{
	static const char *const heads[] = {"NAME", ">VALUE", "DATASET", "SLICE",
					    "STEP", "AT",     NULL};
	struct table *t = table_new(cli, heads);

	if (!json_array_size(metrics))
		return;
	screen_heading(cli, "Metrics");
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const json_t *row = json_array_get(metrics, i);
		const json_t *step = json_object_get(row, "step");

		table_cell(t, json_text(row, "name"));
		table_cell(t, json_of(cli->arena, json_object_get(row, "value")));
		table_cell(t, json_text(row, "dataset"));
		table_cell(t, json_text(row, "slice"));
		table_cell(t, json_is_integer(step) ? json_of(cli->arena, step) : NULL);
		table_cell(t, time_short(cli->arena, json_text(row, "at")));
	}
	table_print(t);
}

/* What an edge leads to: a version, or a URI with its digest or commit. */
static const char *origin_text(struct arena *a, const json_t *edge)
{
	const json_t *to = json_object_get(edge, "to");
	const char *uri = json_text(edge, "uri"), *digest = json_text(edge, "digest");
	const char *commit = json_text(edge, "commit"), *more = digest ? digest : commit;

	if (json_is_object(to))
		return arena_printf(a, "%s/%s@%s", json_text(to, "project"), json_text(to, "model"),
				    json_text(to, "version"));
	if (to)
		return "a version that you may not see";
	return arena_printf(a, "%s%s%s", uri ? uri : "", uri && more ? "  " : "", more ? more : "");
}

static void print_lineage(struct cli *cli, const json_t *edges)
{
	static const char *const heads[] = {"KIND", "WHAT", NULL};
	struct table *t = table_new(cli, heads);

	if (!json_array_size(edges))
		return;
	screen_heading(cli, "Made from");
	for (size_t i = 0; i < json_array_size(edges); i++) {
		const json_t *edge = json_array_get(edges, i);
		const char *relation = json_text(edge, "relation");

		table_cell(t, relation ? relation : json_text(edge, "kind"));
		table_cell(t, origin_text(cli->arena, edge));
	}
	table_print(t);
}

static void print_files(struct cli *cli, const json_t *files)
{
	static const char *const heads[] = {"PATH", ">SIZE", "SHA-256", NULL};
	struct table *t = table_new(cli, heads);
	char size[SIZE_TEXT];

	if (!json_array_size(files))
		return;
	screen_heading(cli, "Files");
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *row = json_array_get(files, i);

		table_cell(t, json_text(row, "path"));
		table_cell(t, arena_printf(cli->arena, "%s",
					   screen_size(json_whole(row, "size"), size)));
		table_cell(t, json_text(row, "sha256"));
	}
	table_print(t);
}

static struct problem learn(struct cli *cli, const struct model_ref *m, struct about *out)
{
	struct arena *a = cli->arena;
	json_t *lineage = NULL;

	TRY(server_version(cli, m, &out->version));

	const char *v = json_text(out->version, "version");

	TRY(server_list(cli, version_target(a, m, v, "/metrics"), 0, &out->metrics));
	TRY(server_get(cli, version_target(a, m, v, "/lineage?direction=up&depth=1"), &lineage));
	out->lineage = json_object_get(lineage, "edges");
	return server_list(cli, version_target(a, m, v, "/artifacts"), 0, &out->files);
}

static struct problem show_version(struct cli *cli, const struct model_ref *m)
{
	struct about about = {0};

	TRY(learn(cli, m, &about));
	if (cli->globals.json) {
		cli_print_json(cli,
			       cli_own(cli->arena,
				       json_pack("{s:O, s:O, s:O?, s:O}", "version", about.version,
						 "metrics", about.metrics, "lineage", about.lineage,
						 "artifacts", about.files)));
		return NO_PROBLEM;
	}
	print_facts(cli, about.version);
	print_metrics(cli, about.metrics);
	print_lineage(cli, about.lineage);
	print_files(cli, about.files);
	return NO_PROBLEM;
}

static struct problem run(struct cli *cli, const void *options)
{
	struct model_ref m;

	(void)options;
	TRY(model_ref_read(cli->arena, cli->operands[0], &m));
	return m.reference ? show_version(cli, &m) : show_model(cli, &m);
}

const struct command command_show = {
	.name = "show",
	.operands = "MODEL[@REFERENCE]",
	.least = 1,
	.most = 1,
	.summary = "Show all about a model, or about one version",
	.about = "A version is shown with its metrics, what it was made from, its files with their "
		 "digests, and the key that signed it.",
	.examples =
		(const struct example[]){
			{"What ^1 means now, and what is in it", "hallmark show default/minilm@^1"},
			{"A model with its aliases and versions", "hallmark show default/minilm"},
			{"One number for a script",
			 "hallmark show default/minilm@latest --json | jq .version.ordinal"},
			{NULL, NULL},
		},
	.run = run,
};
