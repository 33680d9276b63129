#include "registry/token.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "hallmarkd/admin.h"
#include "hallmarkd/command.h"
#include "registry/role.h"
#include "registry/secret.h"
#include "sql/once.h"
#include "sql/row.h"

#define AT(member) offsetof(struct token_create_options, member)
/* clang-format off */
static const struct setting create_rows[] = {
	{.name = "role", .type = SETTING_TEXT, .offset = AT(role),
	 .help = "give the principal this role too: reader, publisher, promoter, approver or admin"},
	{.name = "project", .type = SETTING_TEXT, .offset = AT(project), .preset = "default",
	 .help = "the project of the role; * is all of them"},
	{.name = "expires", .type = SETTING_SECONDS, .offset = AT(expires), .preset = "90d", .min = 0,
	 .max = 10LL * 365 * 86400 * 1000000, .help = "how long the token is good for; 0 is for ever"},
	{.name = "description", .type = SETTING_TEXT, .offset = AT(description), .help = "what it is for"},
};
static const struct setting list_rows[] = {
	{.name = "principal", .type = SETTING_TEXT, .offset = offsetof(struct token_list_options, principal),
	 .help = "only this one's tokens"},
};
/* clang-format on */
const struct setting_table token_create_options = {
	.rows = create_rows,
	.n = sizeof(create_rows) / sizeof(*create_rows),
};
const struct setting_table token_list_options = {.rows = list_rows, .n = 1};

static struct problem check_role(struct arena *a, const char *role)
{
	struct roles roles = {0};

	if (!role || roles_add(&roles, "*", role))
		return NO_PROBLEM;
	return problem(a, PROBLEM_INVALID,
		       "--role: there is no role %s; want reader, publisher, promoter, approver or "
		       "admin",
		       role);
}

static struct problem make(struct invocation *in, struct token *t, unsigned char hash[TOKEN_HASH])
{
	unsigned char key[SECRET_SUBKEY];
	struct secret secret;

	TRY(secret_read(in->arena, in->config->secret_file, &secret));
	secret_subkey(&secret, SECRET_TOKENS, key);
	token_make(TOKEN_ACCESS, t);
	token_hash(t, key, hash);
	return NO_PROBLEM;
}

/* The token alone goes to standard output: `hallmarkd token create ci > token`. */
static struct problem tell(struct invocation *in, const struct token *t, int64_t expires)
{
	char until[TIMESTAMP_TEXT];

	printf("%s\n", t->text);
	if (expires == INT64_MIN) {
		fprintf(stderr, "Token %s is good until it is revoked.\n", t->id);
	} else {
		timestamp_text(expires, until);
		fprintf(stderr, "Token %s is good until %.19sZ.\n", t->id, until);
	}
	fprintf(stderr, "It is shown this once; nobody can show it again.\n");
	if (fflush(stdout) != 0)
		return problem(in->arena, PROBLEM_NO_SPACE, "the token could not be written");
	return NO_PROBLEM;
}

struct problem token_create(struct invocation *in)
{
	const struct token_create_options *o = in->options;
	struct arena *a = in->arena;
	struct args args = args_new(a);
	unsigned char hash[TOKEN_HASH];
	struct admin admin;
	struct token t;
	PGresult *res;

	TRY(check_role(a, o->role));
	TRY(admin_begin(a, in->config, &admin));
	TRY(make(in, &t, hash));
	TRY(admin_connect(a, &admin));
	int64_t expires = o->expires ? timestamp_now() + o->expires : INT64_MIN;
	arg_text(&args, t.id);
	arg_text(&args, in->words[0]);
	arg_text(&args, token_kind_names[t.kind]);
	arg_bytes(&args, (struct bytes){hash, sizeof(hash)});
	arg_text(&args, o->description ? o->description : "");
	arg_time(&args, expires);
	arg_text(&args, o->role);
	arg_text(&args, o->role ? o->project : NULL);
	arg_text(&args, admin.actor);
	arg_text(&args, admin_request(a));
	TRY(once_run(a, admin.conn, STATEMENT_TOKENS_CREATE, &args, &res));
	if (strcmp(once_outcome(res), "no_project") == 0)
		return problem(a, PROBLEM_NOT_FOUND, "there is no project %s", o->project);
	if (strcmp(once_outcome(res), "created") != 0)
		return problem(a, PROBLEM_CONFLICT, "the token's id is taken; try again");
	return tell(in, &t, expires);
}

struct token_row {
	const char *id, *principal, *kind, *description;
	int64_t created_at;
	const char *created_by;
	int64_t expires_at, revoked_at;
};

static const struct column token_columns[] = {
	COLUMN(struct token_row, id, OID_TEXT),
	COLUMN(struct token_row, principal, OID_TEXT),
	COLUMN(struct token_row, kind, OID_TEXT),
	COLUMN(struct token_row, description, OID_TEXT),
	COLUMN(struct token_row, created_at, OID_TIMESTAMPTZ),
	COLUMN(struct token_row, created_by, OID_TEXT),
	NULLABLE(struct token_row, expires_at, OID_TIMESTAMPTZ),
	NULLABLE(struct token_row, revoked_at, OID_TIMESTAMPTZ),
};

static const char *moment(struct arena *a, int64_t micros)
{
	char text[TIMESTAMP_TEXT];

	if (micros == INT64_MIN)
		return "-";
	timestamp_text(micros, text);
	return arena_printf(a, "%.19sZ", text);
}

static void print_token(struct arena *a, const struct token_row *t)
{
	bool expired = t->expires_at != INT64_MIN && t->expires_at < timestamp_now();
	const char *state = t->revoked_at != INT64_MIN ? "revoked" : expired ? "expired" : "good";

	printf("%-12s  %-7s  %-20s  %-20s  %s%s%s\n", t->id, state, moment(a, t->created_at),
	       moment(a, t->expires_at), t->principal, *t->description ? ": " : "", t->description);
}

struct problem token_list(struct invocation *in)
{
	const struct token_list_options *o = in->options;
	enum { PAGE = 500 };
	struct arena *a = in->arena;
	const char *last = "";
	struct admin admin;
	PGresult *res;

	TRY(admin_begin(a, in->config, &admin));
	TRY(admin_connect(a, &admin));
	printf("%-12s  %-7s  %-20s  %-20s  %s\n", "TOKEN", "STATE", "CREATED", "EXPIRES",
	       "PRINCIPAL");
	do {
		struct args args = args_new(a);

		arg_text(&args, o->principal);
		arg_text(&args, last);
		arg_int8(&args, PAGE);
		TRY(once_run(a, admin.conn, STATEMENT_TOKENS_LIST, &args, &res));
		for (int row = 0; row < PQntuples(res); row++) {
			struct token_row t;

			TRY(row_read(a, res, row, COLUMNS(token_columns), &t));
			print_token(a, &t);
			last = t.id;
		}
	} while (PQntuples(res) == PAGE);
	return NO_PROBLEM;
}

/* A whole token is taken as well as its id: who finds a leaked one has that. */
static const char *id_of(struct arena *a, const char *word)
{
	struct token t;

	return token_read(word, strlen(word), &t) ? arena_printf(a, "%s", t.id) : word;
}

struct problem token_revoke(struct invocation *in)
{
	struct arena *a = in->arena;
	struct args args = args_new(a);
	struct admin admin;
	PGresult *res;

	TRY(admin_begin(a, in->config, &admin));
	TRY(admin_connect(a, &admin));
	arg_text(&args, id_of(a, in->words[0]));
	arg_text(&args, admin.actor);
	arg_text(&args, admin_request(a));
	TRY(once_run(a, admin.conn, STATEMENT_TOKENS_REVOKE, &args, &res));
	if (strcmp(once_outcome(res), "no_token") == 0)
		return problem(a, PROBLEM_NOT_FOUND,
			       "there is no token %s; `hallmarkd token list` shows those there are",
			       id_of(a, in->words[0]));
	fprintf(stderr, "%s\n",
		strcmp(once_outcome(res), "unchanged") == 0 ? "The token was revoked before."
							    : "The token is good no more.");
	return NO_PROBLEM;
}
