/* hallmark push: a folder becomes a version. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/bump_note.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/metadata.h"
#include "cli/place.h"
#include "cli/screen.h"
#include "cli/small_file.h"
#include "cli/state.h"
#include "cli/upload.h"

enum { CARD_MOST = 1 << 20 };

struct push_options {
	const char *version, *bump, *description, *note, *params_file;
	struct texts metrics, params, tags, datasets, runs, images, parents, exclude;
	const char *commit, *repo;
	bool publish, hidden;
	int jobs;
};

struct push {
	struct cli *cli;
	const struct push_options *o;
	struct model_ref m;
	struct upload upload;
	json_t *body;        /* of the version's creation */
	const char *version; /* once it exists */
	const char *note;    /* see bump_note.h; NULL without --bump */
	json_t *document;    /* the version, as the registry last told it */
};

/* ---- what the options say --------------------------------------------------------- */

static struct problem each(struct arena *a, const struct texts *t, json_t *into,
			   struct problem (*add)(struct arena *a, const char *text, json_t *into))
{
	for (size_t i = 0; i < t->count; i++)
		TRY(add(a, t->items[i], into));
	return NO_PROBLEM;
}

static struct problem params_of_file(const struct push *p, json_t *params)
{
	struct arena *a = p->cli->arena;
	const char *path = p->o->params_file, *text = NULL;
	size_t len = 0;
	json_error_t e;

	if (!path)
		return NO_PROBLEM;
	TRY(small_file_read(a, AT_FDCWD, path, CARD_MOST, &text, &len));

	const json_t *tree = cli_own(a, json_loadb(text, len, JSON_REJECT_DUPLICATES, &e));

	if (!json_is_object(tree))
		return problem(a, CLI_USAGE, "%s holds no JSON object: %s", path,
			       tree ? "it holds something else" : e.text);
	json_object_update(params, (json_t *)tree);
	return NO_PROBLEM;
}

static struct problem lineage(const struct push *p, json_t *edges)
{
	struct arena *a = p->cli->arena;
	const struct push_options *o = p->o;

	TRY(each(a, &o->datasets, edges, metadata_dataset));
	if (o->commit)
		TRY(metadata_code(a, o->commit, o->repo, edges));
	TRY(each(a, &o->runs, edges, metadata_run));
	TRY(each(a, &o->images, edges, metadata_image));
	return each(a, &o->parents, edges, metadata_parent);
}

static struct problem describe(struct push *p)
{
	struct arena *a = p->cli->arena;
	const struct push_options *o = p->o;
	json_t *params = json_object(), *tags = json_object();
	json_t *metrics = json_array(), *edges = json_array();

	p->body = cli_own(a, json_pack("{s:s, s:o, s:o, s:o, s:o}", o->bump ? "bump" : "version",
				       o->bump ? o->bump : o->version, "params", params, "tags",
				       tags, "metrics", metrics, "lineage", edges));
	if (!p->body)
		return problem(a, CLI_USAGE, "the version \"%s\" is not UTF-8", o->version);
	if (o->note && json_object_set_new(p->body, "description", json_string(o->note)) != 0)
		return problem(a, CLI_USAGE, "the note is not UTF-8");
	TRY(params_of_file(p, params));
	TRY(each(a, &o->params, params, metadata_param));
	TRY(each(a, &o->tags, tags, metadata_tag));
	TRY(each(a, &o->metrics, metrics, metadata_metric));
	return lineage(p, edges);
}

static struct problem check_options(const struct push *p)
{
	struct arena *a = p->cli->arena;
	const struct push_options *o = p->o;

	if (p->m.reference)
		return problem(a, CLI_USAGE,
			       "A new version is named by --version or --bump, not after an @");
	if (!o->version && !o->bump)
		return problem(
			a, CLI_USAGE,
			"which version is this to be? Give --version 1.0.0, or --bump major, "
			"minor or patch to count on from the highest");
	if (o->version && o->bump)
		return problem(a, CLI_USAGE, "give --version or --bump, not both");
	if (o->repo && !o->commit)
		return problem(a, CLI_USAGE, "--repo says where --commit is from: give that too");
	return NO_PROBLEM;
}

/* ---- the model -------------------------------------------------------------------- */

static struct problem read_card(const struct push *p, const char **card)
{
	struct arena *a = p->cli->arena;
	size_t len = 0;

	*card = NULL;
	if (!folder_find(&p->upload.files, "README.md"))
		return NO_PROBLEM;
	TRY(small_file_read(a, p->upload.root, "README.md", CARD_MOST, card, &len));
	if (!utf8_valid(*card, len) || strlen(*card) != len) {
		cli_warn(p->cli, "README.md is no UTF-8 text: the model gets no card");
		*card = NULL;
	}
	return NO_PROBLEM;
}

/* If-None-Match: someone else may create it between our question and this. */
static struct problem create_model(const struct push *p)
{
	static const char *const headers[] = {"If-None-Match: *", NULL};
	struct cli *cli = p->cli;
	json_t *body = cli_own(cli->arena, json_object());
	const char *card = NULL;

	TRY(read_card(p, &card));
	if (p->o->description)
		json_object_set_new(body, "description", json_string(p->o->description));
	if (card)
		json_object_set_new(body, "card", json_string(card));

	struct problem made =
		server_send(cli, "PUT", model_target(cli->arena, &p->m, ""), headers, body, NULL);

	if (made.code == PROBLEM_NONE)
		cli_say(cli, "model %s/%s is new%s", p->m.project, p->m.model,
			card ? ", with README.md as its card" : "");
	return made.code == PROBLEM_PRECONDITION_FAILED ? NO_PROBLEM : made;
}

static struct problem need_model(const struct push *p)
{
	json_t *model = NULL;
	struct problem got = server_get(p->cli, model_target(p->cli->arena, &p->m, ""), &model);

	return got.code == PROBLEM_NOT_FOUND ? create_model(p) : got;
}

/* ---- the version ------------------------------------------------------------------ */

static struct problem get_version(struct push *p, const char *version)
{
	TRY(server_get(p->cli, version_target(p->cli->arena, &p->m, version, ""), &p->document));
	return server_version_name(p->cli, p->document, &p->version);
}

static bool is_draft(const struct push *p)
{
	const char *state = json_text(p->document, "state");

	return state && strcmp(state, "draft") == 0;
}

/* The version is there already: our own earlier run, or something else. */
static struct problem take_up(struct push *p, const char *version)
{
	struct arena *a = p->cli->arena;
	const json_t *params = json_object_get(p->body, "params");
	bool same = false;

	TRY(get_version(p, version));
	if (strcmp(p->version, version + (*version == 'v')) != 0)
		return problem(a, PROBLEM_CONFLICT,
			       "there is %s already, which counts as the same version as %s",
			       p->version, version);
	if (is_draft(p)) {
		if (!json_equal(params, json_object_get(p->document, "params")))
			return problem(
				a, PROBLEM_CONFLICT,
				"there is a draft %s already, with other params: discard it, "
				"or push another version",
				p->version);
		cli_say(p->cli, "going on with the draft %s", p->version);
		return NO_PROBLEM;
	}
	TRY(upload_same(p->cli, &p->upload, &p->m, p->version, &same));
	if (!same)
		return problem(
			a, PROBLEM_CONFLICT,
			"%s/%s@%s is %s already, with other files, and does not change: push "
			"another version, or use --bump",
			p->m.project, p->m.model, p->version, json_text(p->document, "state"));
	cli_say(p->cli, "%s/%s@%s holds these files already", p->m.project, p->m.model, p->version);
	return NO_PROBLEM;
}

static struct problem create_version(struct push *p)
{
	struct problem made =
		server_send(p->cli, "POST", model_target(p->cli->arena, &p->m, "/versions"), NULL,
			    p->body, &p->document);

	if (made.code == PROBLEM_CONFLICT && p->o->version) {
		struct problem taken = take_up(p, p->o->version);

		/* the registry's own words are the better ones when it is not that version */
		return taken.code == PROBLEM_NOT_FOUND ? made : taken;
	}
	TRY(made);
	return server_version_name(p->cli, p->document, &p->version);
}

/* ---- --bump, interrupted ---------------------------------------------------------- */

static struct problem bump_version(struct push *p, const char *folder)
{
	const char *version;

	p->note = bump_note_path(p->cli, &p->m, p->o->bump, folder);
	version = bump_note_read(p->cli, p->note);
	if (version && get_version(p, version).code == PROBLEM_NONE && is_draft(p))
		return take_up(p, version);
	TRY(create_version(p));
	return bump_note_write(p->cli, p->note, p->version);
}

/* ---- all of it -------------------------------------------------------------------- */

static struct problem finish(struct push *p)
{
	struct cli *cli = p->cli;

	if (is_draft(p)) {
		TRY(upload_send(cli, &p->upload, &p->m, p->version, p->o->jobs));
		if (p->o->publish)
			TRY(state_change(cli, &p->m, p->version, "publish", NULL, &p->document));
		else
			TRY(get_version(p, p->version));
	}
	bump_note_remove(cli, p->note);
	return NO_PROBLEM;
}

static void report(const struct push *p)
{
	struct cli *cli = p->cli;
	const char *key = json_text(p->document, "key_id");
	const char *state = json_text(p->document, "state");
	char size[SIZE_TEXT];

	if (cli->globals.json) {
		cli_print_json(cli, p->document);
		return;
	}
	if (cli->globals.quiet) {
		printf("%s/%s@%s\n", p->m.project, p->m.model, p->version);
		return;
	}
	printf("%s %s/%s@%s: %zu file%s, %s%s%s\n",
	       screen_paint(cli, is_draft(p) ? PAINT_WARN : PAINT_GOOD, state ? state : "sent"),
	       p->m.project, p->m.model, p->version, p->upload.files.count,
	       p->upload.files.count == 1 ? "" : "s", screen_size(p->upload.bytes, size),
	       key ? ", signed by key " : "", key ? key : "");
	if (p->upload.sent < p->upload.files.count)
		cli_say(cli, "%zu of the files were there already",
			p->upload.files.count - p->upload.sent);
	if (is_draft(p))
		cli_say(cli, "Next: hallmark publish %s/%s@%s", p->m.project, p->m.model,
			p->version);
	else
		cli_say(cli, "Next: hallmark pull %s/%s@%s FOLDER", p->m.project, p->m.model,
			p->version);
}

static struct problem push(struct push *p, const char *folder)
{
	struct folder_rules rules = {.hidden = p->o->hidden, .exclude = &p->o->exclude};

	TRY(describe(p));
	TRY(upload_open(p->cli, folder, &rules, &p->upload));
	TRY(server_connect(p->cli));
	TRY(upload_hash(p->cli, &p->upload));
	TRY(need_model(p));
	if (p->o->bump)
		TRY(bump_version(p, folder));
	else
		TRY(create_version(p));
	return finish(p);
}

static struct problem run(struct cli *cli, const void *given)
{
	struct push p = {.cli = cli, .o = given, .upload = {.root = -1}};
	struct problem got;

	TRY(model_ref_read(cli->arena, cli->operands[0], &p.m));
	TRY(check_options(&p));
	got = push(&p, cli->operands[1]);
	if (p.upload.root >= 0)
		close(p.upload.root);
	TRY(got);
	report(&p);
	return NO_PROBLEM;
}

#define AT(member) offsetof(struct push_options, member)
static const struct cli_option options[] = {
	{"version", 0, OPTION_TEXT, AT(version), "V", "The semantic version, such as 1.0.0."},
	{"bump", 0, OPTION_WORD, AT(bump), "major|minor|patch",
	 "Let the registry count on from the highest version."},
	{"publish", 0, OPTION_FLAG, AT(publish), NULL,
	 "Publish when all files are there: sign it, and let nothing change it again."},
	{"metric", 'm', OPTION_LIST, AT(metrics), "NAME=NUMBER",
	 "A metric, with ,dataset= ,slice= ,step= ,at= after it when wanted."},
	{"param", 'p', OPTION_LIST, AT(params), "NAME=VALUE",
	 "A parameter of the training; JSON when it reads as JSON, else text."},
	{"params-file", 0, OPTION_TEXT, AT(params_file), "FILE", "Parameters from a JSON object."},
	{"tag", 't', OPTION_LIST, AT(tags), "NAME=VALUE", "A tag of the version."},
	{"dataset", 0, OPTION_LIST, AT(datasets), "URI",
	 "A dataset it was trained on; ?sha256=HEX at its end is its digest."},
	{"commit", 0, OPTION_TEXT, AT(commit), "SHA", "The commit of the training code."},
	{"repo", 0, OPTION_TEXT, AT(repo), "URL", "The repository of that commit."},
	{"run", 0, OPTION_LIST, AT(runs), "URI", "The training run."},
	{"image", 0, OPTION_LIST, AT(images), "NAME@sha256:HEX", "The container image it ran in."},
	{"parent", 0, OPTION_LIST, AT(parents), "RELATION:MODEL@VERSION",
	 "A version it was made from, as in fine_tune:default/base@1.0.0."},
	{"description", 0, OPTION_TEXT, AT(description), "TEXT",
	 "One line about the model, when it is new."},
	{"note", 0, OPTION_TEXT, AT(note), "TEXT", "A few words about this version."},
	{"hidden", 0, OPTION_FLAG, AT(hidden), NULL,
	 "Take files whose names begin with a dot, too."},
	{"exclude", 0, OPTION_LIST, AT(exclude), "PATTERN",
	 "Leave out files whose path or name matches."},
	{"jobs", 'j', OPTION_NUMBER, AT(jobs), "N", "How many files to send at once; preset 4."},
	{.name = NULL},
};
#undef AT

const struct command command_push = {
	.name = "push",
	.operands = "MODEL FOLDER|FILE",
	.least = 2,
	.most = 2,
	.summary = "Register a version of a model and send its files",
	.about =
		"A model that is not there yet is made; a README.md becomes its card. Symbolic "
		"links "
		"are refused; .git, .hallmark and hidden files are left out. Until it is published "
		"the version is a draft, and the same command goes on where an interrupted one "
		"ended: files that are stored are not sent again, and files that are no longer in "
		"the folder are taken out of the draft.",
	.options = options,
	.size = sizeof(struct push_options),
	.examples =
		(const struct example[]){
			{"Publish a folder as 1.0.0",
			 "hallmark push default/minilm ./minilm --version 1.0.0 "
			 "--metric stsb_spearman=0.82 --publish"},
			{"The next minor version, with where it comes from",
			 "hallmark push default/minilm ./minilm --bump minor --param epochs=1 "
			 "--dataset 's3://data/stsb?sha256=…' --commit \"$(git rev-parse HEAD)\""},
			{NULL, NULL},
		},
	.run = run,
};
