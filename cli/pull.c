/* hallmark pull: a version into a folder, every byte verified. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_out.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/exit.h"
#include "cli/fetch.h"
#include "cli/file_digest.h"
#include "cli/folder.h"
#include "cli/screen.h"
#include "cli/server.h"
#include "cli/small_file.h"

struct pull_options {
	const char *key, *signed_as;
	int jobs;
};

struct pull {
	struct cli *cli;
	const struct pull_options *options;
	struct model_ref ref;
	const char *version; /* as the registry resolved the reference */
	const char *folder, *envelope;
	size_t envelope_len;
	int root;
	struct keyring ring;
	struct seal seal;
	int64_t *sizes, bytes;
	struct fetch fetch;
	struct progress progress;
	atomic_size_t there; /* files that were in their place already */
};

/* ---- is it what was asked for? ---------------------------------------------------- */

/* A true attestation of another version proves nothing about this one. */
static struct problem check_subject(const struct pull *p)
{
	struct arena *a = p->cli->arena;
	struct model_ref want = p->ref;

	if (p->options->signed_as)
		TRY(model_ref_read(a, p->options->signed_as, &want));
	if (strcmp(p->seal.project, want.project) != 0 || strcmp(p->seal.model, want.model) != 0)
		return problem(a, CLI_BAD_SIGNATURE,
			       "what came is signed as %s/%s@%s, not as %s/%s. If the model was "
			       "renamed since, add --signed-as %s/%s",
			       p->seal.project, p->seal.model, p->seal.version, want.project,
			       want.model, p->seal.project, p->seal.model);
	if (strcmp(p->seal.version, p->version) != 0 ||
	    !reference_answers(p->ref.reference, p->seal.version, p->seal.ordinal))
		return problem(a, CLI_BAD_SIGNATURE,
			       "what came is signed as version %s, which is not %s",
			       p->seal.version, p->ref.reference ? p->ref.reference : p->version);
	return NO_PROBLEM;
}

/* ---- before the first byte -------------------------------------------------------- */

static struct problem fetch_attestation(struct pull *p, const json_t *version)
{
	struct arena *a = p->cli->arena;
	const char *state = json_text(version, "state");
	const char *target = version_target(a, &p->ref, p->version, "/attestation");

	if (state && (strcmp(state, "draft") == 0 || strcmp(state, "discarded") == 0))
		return problem(a, CLI_UNSIGNED,
			       "%s/%s@%s is %s: only what is published is signed and can be pulled",
			       p->ref.project, p->ref.model, p->version,
			       strcmp(state, "draft") == 0 ? "a draft" : "discarded");

	struct problem got = server_text(p->cli, target, &p->envelope, &p->envelope_len);

	if (got.code == PROBLEM_NOT_FOUND)
		return problem(a, CLI_UNSIGNED, "%s/%s@%s has no attestation", p->ref.project,
			       p->ref.model, p->version);
	return got;
}

static size_t place_in_seal(const struct seal *s, const char *path)
{
	const struct sealed_file *f = seal_find(s, path);

	return f ? (size_t)(f - s->files) : s->count;
}

/* The sizes are not signed: they serve progress, and to stop an answer without end. */
static struct problem learn_sizes(struct pull *p)
{
	struct arena *a = p->cli->arena;
	json_t *items = NULL;

	TRY(server_list(p->cli, version_target(a, &p->ref, p->version, "/artifacts"), 0, &items));
	p->sizes = arena_array(a, int64_t, p->seal.count);
	for (size_t i = 0; i < p->seal.count; i++)
		p->sizes[i] = -1;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);
		const char *path = json_text(row, "path");
		size_t at = path ? place_in_seal(&p->seal, path) : p->seal.count;

		if (at == p->seal.count || !json_is_integer(json_object_get(row, "size")))
			continue;
		p->sizes[at] = json_whole(row, "size");
		p->bytes += p->sizes[at];
	}
	return NO_PROBLEM;
}

static struct problem resolve(struct pull *p)
{
	json_t *version = NULL;

	TRY(server_version(p->cli, &p->ref, &version));
	TRY(server_version_name(p->cli, version, &p->version));
	TRY(fetch_attestation(p, version));
	TRY(keyring_for(p->cli, p->options->key, &p->ring));
	TRY(seal_read(p->cli->arena, &p->ring, p->envelope, p->envelope_len, &p->seal));
	TRY(check_subject(p));
	return learn_sizes(p);
}

/* ---- the files -------------------------------------------------------------------- */

static struct problem work(struct crew_member *m, size_t i)
{
	struct pull *p = m->who;
	bool there = false;

	TRY(fetch_file(&p->fetch, m->http, m->arena, i, &there));
	p->there += there;
	return NO_PROBLEM;
}

static struct problem fetch_all(struct pull *p)
{
	struct arena *a = p->cli->arena;
	int threads = p->options->jobs ? p->options->jobs : CREW_TRANSFERS;
	struct problem got;

	p->fetch = (struct fetch){
		.root = p->root,
		.seal = &p->seal,
		.ring = &p->ring,
		.artifacts = version_target(a, &p->ref, p->version, "/artifacts"),
		.signatures = version_target(a, &p->ref, p->version, "/signatures"),
		.sizes = p->sizes,
		.progress = &p->progress,
	};
	progress_begin(&p->progress, p->cli, "pulling", p->seal.count, p->bytes);
	got = crew_run(p->cli, threads, true, p->seal.count, work, p);
	progress_end(&p->progress);
	return got;
}

/* ---- after the last byte ---------------------------------------------------------- */

/* What the version pulled here before had and this one has not, if it is unchanged. */
static struct problem remove_left(const struct pull *p, const struct sealed_file *f)
{
	struct arena *a = p->cli->arena;
	int fd __attribute__((cleanup(fd_close))) = -1;
	int parent __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";
	unsigned char sha256[SHA256_BYTES];
	int64_t size = 0;
	struct problem got = place_open(a, p->root, f->path, &fd);

	if (got.code != PROBLEM_NONE)
		return NO_PROBLEM;
	TRY(file_sha256(a, fd, f->path, sha256, &size, NULL));
	if (memcmp(sha256, f->sha256, SHA256_BYTES) != 0)
		return NO_PROBLEM;
	TRY(place_parent(a, p->root, f->path, false, &parent, &leaf));
	if (unlinkat(parent, leaf, 0) == 0)
		cli_say(p->cli, "removed %s, which this version does not have", f->path);
	return NO_PROBLEM;
}

static struct problem remove_old(const struct pull *p)
{
	struct arena *a = p->cli->arena;
	struct keyring ring = {0};
	struct seal before;
	struct problem got = sealed_keys(a, p->root, &ring);

	if (got.code == PROBLEM_NONE)
		got = sealed_seal(a, p->root, &ring, &before);
	if (got.code != PROBLEM_NONE)
		return NO_PROBLEM; /* nothing was pulled here before, or nothing that holds */
	for (size_t i = 0; i < before.count; i++)
		if (!seal_find(&p->seal, before.files[i].path))
			TRY(remove_left(p, &before.files[i]));
	return NO_PROBLEM;
}

static struct problem write_text(const struct pull *p, const char *path, const char *text)
{
	return sealed_write(p->cli->arena, p->root, path, text, strlen(text));
}

/* The keys that signed something here, the attestation's first. */
static const char *used_keys(const struct pull *p)
{
	return keyring_text(p->cli->arena, &p->ring, &p->seal.key);
}

static const char *origin_note(const struct pull *p)
{
	char now[TIMESTAMP_TEXT];
	struct json_out j = json_out_new(p->cli->arena);

	timestamp_text(timestamp_now(), now);
	jw_object(&j);
	jw_key(&j, "url"), jw_text(&j, p->cli->server.origin);
	jw_key(&j, "project"), jw_text(&j, p->ref.project);
	jw_key(&j, "model"), jw_text(&j, p->ref.model);
	jw_key(&j, "reference"), jw_text(&j, p->ref.reference ? p->ref.reference : "latest");
	jw_key(&j, "version"), jw_text(&j, p->version);
	jw_key(&j, "pulled_at"), jw_text(&j, now);
	jw_end_object(&j);
	return arena_printf(p->cli->arena, "%s\n", jw_done(&j));
}

/* The attestation comes last: with it the folder counts as whole. */
static struct problem seal_folder(const struct pull *p)
{
	int own __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";

	TRY(remove_old(p));
	TRY(write_text(p, SEALED_KEYS, used_keys(p)));
	TRY(write_text(p, SEALED_ORIGIN, origin_note(p)));
	TRY(sealed_write(p->cli->arena, p->root, SEALED_ATTESTATION, p->envelope, p->envelope_len));
	TRY(place_parent(p->cli->arena, p->root, SEALED_PARTS, false, &own, &leaf));
	unlinkat(own, leaf, AT_REMOVEDIR); /* stays when other parts are in it */
	return NO_PROBLEM;
}

static struct problem keep_keys(const struct pull *p)
{
	struct cli *cli = p->cli;
	char id[MINISIGN_ID_TEXT];

	if (p->ring.trust != TRUST_FIRST)
		return NO_PROBLEM;
	TRY(keyring_keep(cli->arena, cli->server.origin, &p->ring));
	minisign_id_text(p->seal.key.id, id);
	cli_say(cli,
		"key %s of %s is trusted from now on, because it is the first one seen. Compare it "
		"once with what the registry's operator says",
		id, cli->server.origin);
	return NO_PROBLEM;
}

static struct problem warn_extra(const struct pull *p)
{
	struct folder f = {0};
	size_t extra = 0;

	TRY(folder_list(p->cli->arena, p->root, &(struct folder_rules){.all = true}, &f));
	for (size_t i = 0; i < f.count; i++)
		if (!seal_find(&p->seal, f.entries[i].path) && extra++ == 0)
			cli_warn(p->cli, "%s/%s is not part of this version", p->folder,
				 f.entries[i].path);
	if (extra > 1)
		cli_warn(p->cli, "nor are %zu other files: \"hallmark verify %s\" names them",
			 extra - 1, p->folder);
	return NO_PROBLEM;
}

static void report(const struct pull *p)
{
	char id[MINISIGN_ID_TEXT], size[SIZE_TEXT];
	struct cli *cli = p->cli;

	minisign_id_text(p->seal.key.id, id);
	if (cli->globals.json) {
		cli_print_json(cli,
			       cli_own(cli->arena,
				       json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}",
						 "project", p->ref.project, "model", p->ref.model,
						 "version", p->version, "folder", p->folder,
						 "files", (json_int_t)p->seal.count,
						 "already_there", (json_int_t)p->there, "bytes",
						 (json_int_t)p->bytes, "key_id", id, "trust",
						 keyring_trust_words[p->ring.trust])));
		return;
	}
	if (cli->globals.quiet)
		return;
	printf("%s %s/%s@%s: %zu file%s, %s in %s, signed by key %s\n",
	       screen_paint(cli, PAINT_GOOD, "verified"), p->ref.project, p->ref.model, p->version,
	       p->seal.count, p->seal.count == 1 ? "" : "s", screen_size(p->bytes, size), p->folder,
	       id);
	if (p->there)
		cli_say(cli, "%zu of them %s there already", (size_t)p->there,
			p->there == 1 ? "was" : "were");
}

static struct problem run(struct cli *cli, const void *given)
{
	int root __attribute__((cleanup(fd_close))) = -1;
	struct pull p = {.cli = cli, .options = given, .folder = cli->operands[1]};

	TRY(model_ref_read(cli->arena, cli->operands[0], &p.ref));
	TRY(resolve(&p));
	TRY(place_root(cli->arena, p.folder, true, &root));
	p.root = root;
	TRY(fetch_all(&p));
	TRY(seal_folder(&p));
	TRY(keep_keys(&p));
	TRY(warn_extra(&p));
	report(&p);
	return NO_PROBLEM;
}

#define AT(member) offsetof(struct pull_options, member)
static const struct cli_option options[] = {
	{"key", 0, OPTION_TEXT, AT(key), "FILE",
	 "Trust only the public keys in this minisign key file."},
	{"signed-as", 0, OPTION_TEXT, AT(signed_as), "MODEL",
	 "The name that the model had when the version was signed, if it was renamed since."},
	{"jobs", 'j', OPTION_NUMBER, AT(jobs), "N", "How many files to fetch at once; preset 4."},
	{.name = NULL},
};
#undef AT

const struct command command_pull = {
	.name = "pull",
	.operands = "MODEL[@REFERENCE] FOLDER",
	.least = 2,
	.most = 2,
	.summary = "Fetch a version and verify every byte before it gets its name",
	.about = "The version's attestation is verified first, with the key of --key or with the "
		 "one "
		 "that this machine keeps about the registry; the first pull keeps it. Then each "
		 "file "
		 "is fetched beside its place and must have the signed size, SHA-256 and minisign "
		 "signature before it is renamed. A run that was interrupted goes on where it "
		 "ended; "
		 "files that are there already stay. The folder .hallmark inside keeps what "
		 "\"hallmark verify\" needs without a network.",
	.options = options,
	.size = sizeof(struct pull_options),
	.examples =
		(const struct example[]){
			{"The newest 1.x", "hallmark pull default/minilm@^1 ./minilm"},
			{"What the alias champion points to",
			 "hallmark pull default/minilm@champion ./minilm"},
			{"In a container, with the key from a mounted secret",
			 "hallmark pull default/minilm@1.0.0 /models/minilm --key "
			 "/keys/registry.pub"},
			{NULL, NULL},
		},
	.run = run,
};
