/* hallmark verify: is this folder, byte for byte, what was signed? */
#include <string.h>

#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/exit.h"
#include "cli/folder.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/sealed_folder.h"
#include "cli/small_file.h"

struct verify_options {
	const char *key;
};

struct check {
	struct cli *cli;
	int root;
	struct keyring ring;
	struct seal seal;
	struct folder folder;
	enum verdict *verdicts; /* one for each file of the seal */
	struct progress progress;
};

struct finding {
	const char *what; /* "changed" */
	const char *path;
};

struct findings {
	struct finding *rows;
	size_t count;
};

/* --key, else what is kept about the server that the folder names, else its own key. */
static struct problem choose_keys(struct check *c, const char *key_file)
{
	struct arena *a = c->cli->arena;
	const char *origin = sealed_origin(a, c->root);
	struct problem p;

	if (key_file)
		return keyring_file(a, key_file, &c->ring);
	if (origin)
		TRY(keyring_kept(a, origin, &c->ring));
	if (c->ring.count)
		return NO_PROBLEM;
	p = sealed_keys(a, c->root, &c->ring);
	if (p.code == PROBLEM_NOT_FOUND)
		return problem(a, CLI_UNSIGNED,
			       "there is no " SEALED_KEYS ": give the public key with --key FILE");
	return p;
}

static struct problem check_one(struct crew_member *m, size_t i)
{
	struct check *c = m->who;
	const struct reading_told told = {progress_bytes, &c->progress};

	TRY(sealed_compare(m->arena, c->root, &c->seal, &c->ring, &c->seal.files[i], &told,
			   &c->verdicts[i]));
	progress_file(&c->progress);
	return NO_PROBLEM;
}

static int64_t bytes_of(const struct folder *f)
{
	int64_t sum = 0;

	for (size_t i = 0; i < f->count; i++)
		sum += f->entries[i].size;
	return sum;
}

static struct problem check_files(struct check *c)
{
	struct arena *a = c->cli->arena;
	struct problem p;

	TRY(folder_list(a, c->root, &(struct folder_rules){.all = true}, &c->folder));
	c->verdicts = arena_array(a, enum verdict, c->seal.count);
	progress_begin(&c->progress, c->cli, "verifying", c->seal.count, bytes_of(&c->folder));
	p = crew_run(c->cli, crew_processors(), false, c->seal.count, check_one, c);
	progress_end(&c->progress);
	return p;
}

static void find(struct findings *f, const char *what, const char *path)
{
	f->rows[f->count++] = (struct finding){what, path};
}

static struct findings collect(const struct check *c)
{
	static const char *const words[] = {
		[VERDICT_MISSING] = "missing",
		[VERDICT_CHANGED] = "changed",
		[VERDICT_UNSIGNED] = "unsigned",
	};
	size_t most = c->seal.count + c->folder.count + 1;
	struct findings f = {arena_array(c->cli->arena, struct finding, most), 0};

	for (size_t i = 0; i < c->seal.count; i++)
		if (c->verdicts[i] != VERDICT_SAME)
			find(&f, words[c->verdicts[i]], c->seal.files[i].path);
	for (size_t i = 0; i < c->folder.count; i++)
		if (!seal_find(&c->seal, c->folder.entries[i].path))
			find(&f, "extra", c->folder.entries[i].path);
	return f;
}

static void print_findings_json(const struct check *c, const struct findings *f)
{
	char id[MINISIGN_ID_TEXT];
	json_t *rows = json_array();

	for (size_t i = 0; i < f->count; i++)
		json_array_append_new(rows, json_pack("{s:s, s:s}", "path", f->rows[i].path, "is",
						      f->rows[i].what));
	minisign_id_text(c->seal.key.id, id);
	cli_print_json(c->cli,
		       cli_own(c->cli->arena,
			       json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:b, s:o}", "project",
					 c->seal.project, "model", c->seal.model, "version",
					 c->seal.version, "files", (json_int_t)c->seal.count,
					 "key_id", id, "trust", keyring_trust_words[c->ring.trust],
					 "verified", f->count == 0, "findings", rows)));
}

static void print_findings(const struct check *c, const struct findings *f)
{
	struct cli *cli = c->cli;
	char id[MINISIGN_ID_TEXT];

	minisign_id_text(c->seal.key.id, id);
	for (size_t i = 0; i < f->count; i++)
		printf("%s  %s\n", screen_paint(cli, PAINT_BAD, f->rows[i].what),
		       screen_safe(cli->arena, f->rows[i].path));
	if (f->count == 0 && !cli->globals.quiet)
		printf("%s %s/%s@%s: %zu file%s as signed by key %s\n",
		       screen_paint(cli, PAINT_GOOD, "verified"), c->seal.project, c->seal.model,
		       c->seal.version, c->seal.count, c->seal.count == 1 ? "" : "s", id);
	if (c->ring.trust == TRUST_FOLDER)
		cli_say(cli, "the key is the one that came with the folder: nothing has changed "
			     "since it "
			     "was signed, but who signed is not proven. Give --key FILE for that");
}

/* A wrong signature weighs more than wrong bytes. */
static struct problem judge(struct arena *a, const struct findings *f, const char *folder)
{
	enum problem_code code = PROBLEM_DIGEST_MISMATCH;

	if (f->count == 0)
		return NO_PROBLEM;
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->rows[i].what, "unsigned") == 0)
			code = CLI_BAD_SIGNATURE;
	return problem(a, code, "%s is not what was signed: %zu file%s", folder, f->count,
		       f->count == 1 ? " differs" : "s differ");
}

static struct problem run(struct cli *cli, const void *given)
{
	const struct verify_options *o = given;
	const char *folder = cli->operands[0];
	int root __attribute__((cleanup(fd_close))) = -1;
	struct check c = {.cli = cli};

	TRY(place_root(cli->arena, folder, false, &root));
	c.root = root;
	TRY(choose_keys(&c, o->key));
	TRY(sealed_seal(cli->arena, root, &c.ring, &c.seal));
	TRY(check_files(&c));

	struct findings f = collect(&c);

	if (cli->globals.json)
		print_findings_json(&c, &f);
	else
		print_findings(&c, &f);
	return judge(cli->arena, &f, folder);
}

static const struct cli_option options[] = {
	{"key", 0, OPTION_TEXT, offsetof(struct verify_options, key), "FILE",
	 "Trust only the public keys in this minisign key file."},
	{.name = NULL},
};

const struct command command_verify = {
	.name = "verify",
	.operands = "FOLDER",
	.least = 1,
	.most = 1,
	.summary = "Check a pulled folder against its signatures, without a network",
	.about = "Every file must be there with the bytes that were signed, and no other file may "
		 "be. What is changed, missing, extra or unsigned is named. The key is the one of "
		 "--key, else the one that this machine keeps about the registry which the folder "
		 "came from, else the folder's own, which is said.",
	.options = options,
	.size = sizeof(struct verify_options),
	.examples =
		(const struct example[]){
			{"Check what was pulled", "hallmark verify ./minilm"},
			{"With the key from a safe place",
			 "hallmark verify ./minilm --key registry.pub"},
			{NULL, NULL},
		},
	.run = run,
};
