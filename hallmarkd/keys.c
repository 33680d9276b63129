#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "hallmarkd/admin.h"
#include "hallmarkd/command.h"
#include "hallmarkd/key_folder.h"
#include "registry/key.h"
#include "sql/once.h"

static const struct setting retire_rows[] = {
	{.name = "force",
	 .type = SETTING_BOOL,
	 .offset = offsetof(struct keys_retire_options, force),
	 .preset = "false",
	 .help = "even when no key would sign any more"},
};
const struct setting_table keys_retire_options = {.rows = retire_rows, .n = 1};

static struct problem print_key(struct arena *a, const PGresult *res, int row)
{
	char created[TIMESTAMP_TEXT], line[MINISIGN_PUBLIC_LINE];
	struct key k;

	TRY(key_read(a, res, row, &k));
	minisign_public_line(&k.public, line);
	timestamp_text(k.created_at, created);
	printf("%-16s  %-8s  %.19sZ  %s\n", k.id, k.state, created, line);
	return NO_PROBLEM;
}

struct problem keys_list(struct invocation *in)
{
	struct arena *a = in->arena;
	struct admin admin;
	PGresult *res;

	TRY(admin_begin(a, in->config, &admin));
	TRY(admin_connect(a, &admin));
	TRY(once_run(a, admin.conn, STATEMENT_KEYS_LIST, NULL, &res));
	printf("%-16s  %-8s  %-20s  %s\n", "KEY", "STATE", "CREATED", "PUBLIC KEY");
	for (int row = 0; row < PQntuples(res); row++)
		TRY(print_key(a, res, row));
	return NO_PROBLEM;
}

/* The file first: a key that the database knows and nobody holds would never sign. */
struct problem keys_add(struct invocation *in)
{
	struct arena *a = in->arena;
	struct minisign_public key;
	const char *outcome;
	char id[MINISIGN_ID_TEXT];
	struct admin admin;

	TRY(admin_begin(a, in->config, &admin));
	TRY(admin_connect(a, &admin));
	TRY(key_create(a, in->config->keys, &key));
	TRY(admin_register_key(a, admin.conn, &key, admin.actor, &outcome));
	if (strcmp(outcome, "exists") == 0)
		return problem(a, PROBLEM_CONFLICT, "the database has another key of that id");
	minisign_id_text(key.id, id);
	printf("%s\n", id);
	if (admin_renew_signer(a, in->config))
		fprintf(stderr, "The running service takes the key in now; it signs with it once "
				"every replica holds it.\n");
	else
		fprintf(stderr,
			"Put %s/%s.key into the keys folder of every replica and send its "
			"hallmarkd SIGHUP; then the key signs.\n",
			in->config->keys, id);
	return NO_PROBLEM;
}

struct problem keys_retire(struct invocation *in)
{
	const struct keys_retire_options *options = in->options;
	struct arena *a = in->arena;
	struct args args = args_new(a);
	struct admin admin;
	PGresult *res;

	TRY(admin_begin(a, in->config, &admin));
	TRY(admin_connect(a, &admin));
	arg_text(&args, in->words[0]);
	arg_bool(&args, options->force);
	arg_text(&args, admin.actor);
	arg_text(&args, admin_request(a));
	TRY(once_run(a, admin.conn, STATEMENT_KEYS_RETIRE, &args, &res));
	const char *outcome = once_outcome(res);
	if (strcmp(outcome, "no_key") == 0)
		return problem(a, PROBLEM_NOT_FOUND,
			       "there is no key %s; `hallmarkd keys list` shows those there are",
			       in->words[0]);
	if (strcmp(outcome, "last_key") == 0)
		return problem(a, PROBLEM_CONFLICT,
			       "without key %s nothing could be signed any more; add another with "
			       "`hallmarkd keys add` first, or say --force",
			       in->words[0]);
	fprintf(stderr, "%s\n",
		strcmp(outcome, "unchanged") == 0
			? "The key was retired before."
			: "The key signs no more; what it has signed stays verifiable.");
	return NO_PROBLEM;
}
