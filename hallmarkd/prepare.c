#include "hallmarkd/prepare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/failpoint.h"
#include "hallmarkd/admin.h"
#include "hallmarkd/key_folder.h"
#include "registry/secret.h"
#include "registry/token.h"
#include "sql/once.h"
#include "sql/row.h"
#include "storage/store.h"

#define ADMIN "admin"

/* Asked of the database that initdb makes: trying the other would leave a FATAL line in
 * the log of every first start. */
struct problem prepare_database(struct arena *a, const char *conninfo)
{
	PGconn *conn;
	PGresult *res;

	/* the last dbname of a connection string holds */
	TRY(once_connect(a, arena_printf(a, "%s dbname=postgres", conninfo), &conn));
	TRY(once_text(a, conn, "SELECT 1 FROM pg_database WHERE datname = 'hallmark'", &res));
	if (PQntuples(res) > 0)
		return NO_PROBLEM;
	TRY(once_text(a, conn, "CREATE DATABASE hallmark", &res));
	FAILPOINT(DATABASE_MADE);
	return NO_PROBLEM;
}

/* ---- The secret file ---- */

static struct problem has_tokens(struct arena *a, PGconn *conn, bool *out)
{
	PGresult *res;

	TRY(once_text(a, conn, "SELECT 1 FROM token LIMIT 1", &res));
	*out = PQntuples(res) > 0;
	return NO_PROBLEM;
}

static struct problem ensure_secret(struct arena *a, const struct config *c, PGconn *conn,
				    struct secret *secret, bool *made)
{
	struct problem p = secret_read(a, c->secret_file, secret);
	bool tokens;

	if (p.code == PROBLEM_NONE)
		return durable_file(a, c->secret_file); /* before there are tokens that need it */
	if (p.code != PROBLEM_NOT_FOUND)
		return p;
	TRY(has_tokens(a, conn, &tokens));
	if (tokens)
		return problem(a, PROBLEM_INVALID,
			       "the secret file %s is missing, and without it no access token in "
			       "the database is valid; put it back, or copy another replica's",
			       c->secret_file);
	p = secret_create(a, c->secret_file);
	*made = p.code == PROBLEM_NONE;
	FAILPOINT(SECRET_MADE);
	if (p.code != PROBLEM_NONE && p.code != PROBLEM_CONFLICT)
		return p;
	TRY(secret_read(a, c->secret_file, secret));
	return durable_file(a, c->secret_file);
}

/* ---- The signing key ---- */

static struct problem active_key(struct arena *a, PGconn *conn, char id[MINISIGN_ID_TEXT])
{
	PGresult *res;

	TRY(once_run(a, conn, STATEMENT_KEYS_ACTIVE, NULL, &res));
	id[0] = '\0';
	if (PQntuples(res) == 1)
		snprintf(id, MINISIGN_ID_TEXT, "%s", PQgetvalue(res, 0, row_column(res, "id")));
	return NO_PROBLEM;
}

/* A key that lies in the folder already is taken: an operator, or a start that was cut
 * short, has put it there. */
static struct problem key_at_hand(struct arena *a, const char *folder, struct minisign_public *key,
				  bool *made)
{
	struct key_folder keys;
	struct problem p = NO_PROBLEM;

	*made = access(folder, F_OK) != 0;
	if (!*made) {
		p = key_folder_read(a, folder, &keys);
		*made = p.code == PROBLEM_NOT_FOUND;
	}
	if (*made)
		return key_create(a, folder, key);
	TRY(p);
	*key = keys.keys[0].public;
	key_folder_close(&keys);
	return NO_PROBLEM;
}

static struct problem ensure_key(struct arena *a, const struct config *c, PGconn *conn,
				 struct prepared *out)
{
	struct minisign_public key;
	const char *outcome;

	TRY(active_key(a, conn, out->key_id));
	if (*out->key_id)
		return NO_PROBLEM;
	TRY(key_at_hand(a, c->keys, &key, &out->made_key));
	FAILPOINT(KEY_MADE);
	TRY(admin_register_key(a, conn, &key, "hallmarkd", &outcome));
	FAILPOINT(KEY_REGISTERED);
	return active_key(a, conn, out->key_id);
}

/* ---- The first admin ---- */

static struct problem make_admin(struct arena *a, PGconn *conn, const struct secret *secret,
				 const char *path, bool *made)
{
	unsigned char key[SECRET_SUBKEY], hash[TOKEN_HASH];
	struct args args = args_new(a);
	struct token t;
	PGresult *res;

	token_make(TOKEN_ACCESS, &t);
	secret_subkey(secret, SECRET_TOKENS, key);
	token_hash(&t, key, hash);
	TRY(durable_replace(a, path, arena_printf(a, "%s\n", t.text), TOKEN_LEN + 1));
	FAILPOINT(TOKEN_WRITTEN);
	arg_text(&args, ADMIN);
	arg_text(&args, t.id);
	arg_text(&args, token_kind_names[t.kind]);
	arg_bytes(&args, (struct bytes){hash, sizeof(hash)});
	arg_text(&args, admin_request(a));
	TRY(once_run(a, conn, STATEMENT_PRINCIPALS_BOOTSTRAP, &args, &res));
	FAILPOINT(ADMIN_MADE);
	*made = strcmp(once_outcome(res), "created") == 0;
	if (!*made)
		unlink(path); /* another replica was first, its token counts */
	return NO_PROBLEM;
}

/* The token is on the disk before the database knows it, under another name: whoever
 * reads admin.token finds one that works. */
static struct problem ensure_admin(struct arena *a, const struct config *c, PGconn *conn,
				   const struct secret *secret, bool *made)
{
	const char *path = arena_printf(a, "%s/admin.token", c->state);
	const char *fresh = arena_printf(a, "%s.new", path);
	PGresult *res;

	TRY(once_text(a, conn, "SELECT 1 FROM role_binding WHERE project = '*' AND role = 'admin'",
		      &res));
	if (PQntuples(res) == 0)
		TRY(make_admin(a, conn, secret, fresh, made));
	if (access(fresh, F_OK) != 0)
		return NO_PROBLEM;
	if (rename(fresh, path) != 0)
		return problem(a, PROBLEM_INTERNAL, "%s cannot be renamed: %s", fresh,
			       strerror(errno));
	FAILPOINT(TOKEN_RENAMED);
	return durable_folder_of(a, path);
}

/* ---- The whole ---- */

/* Replicas that begin at once share the secret, the keys and the first admin: each finds what the
 * one before it made. Held until the connection ends. */
static struct problem take_turn(struct arena *a, PGconn *conn)
{
	PGresult *res;

	return once_text(a, conn,
			 "SELECT pg_advisory_lock(hashtextextended('hallmark.prepare', 0))", &res);
}

/* The last folder of the path only: a mount that is missing must not be papered over. */
static struct problem ensure_storage(struct arena *a, const char *path)
{
	if (strstr(path, "://"))
		return NO_PROBLEM;
	struct problem p = durable_folder(a, path, 0700);
	if (p.code == PROBLEM_NONE)
		return p;
	return problem(a, PROBLEM_INVALID, "the storage folder cannot be made: %s", p.detail);
}

struct problem prepare_transfers(struct arena *a, const struct config *c)
{
	if (c->storage_driver != STORE_LIBS3 || mkdir(c->transfers, 0700) == 0 || errno == EEXIST)
		return NO_PROBLEM;
	return problem(a, PROBLEM_INVALID, "the folder for transfers %s cannot be made: %s",
		       c->transfers, strerror(errno));
}

struct problem prepare(struct arena *a, const struct config *c, const char *conninfo,
		       struct prepared *out)
{
	struct secret secret;
	PGconn *conn;

	*out = (struct prepared){0};
	TRY(migrate(a, conninfo, &out->schema));
	TRY(once_connect(a, conninfo, &conn));
	TRY(take_turn(a, conn));
	TRY(ensure_storage(a, c->storage_path));
	TRY(ensure_secret(a, c, conn, &secret, &out->made_secret));
	TRY(ensure_key(a, c, conn, out));
	return ensure_admin(a, c, conn, &secret, &out->made_admin);
}

static struct problem schema_number(struct arena *a, PGconn *conn, int *out)
{
	PGresult *res;

	*out = 0;
	TRY(once_text(a, conn, "SELECT to_regclass('schema_migration')::text", &res));
	if (PQgetisnull(res, 0, 0))
		return NO_PROBLEM;
	TRY(once_text(a, conn, "SELECT coalesce(max(number), 0) FROM schema_migration", &res));
	*out = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
	return NO_PROBLEM;
}

struct problem prepare_check(struct arena *a, const struct config *c, const char *conninfo,
			     struct prepared *out)
{
	struct secret secret;
	PGconn *conn;
	int number;

	*out = (struct prepared){0};
	TRY(once_connect(a, conninfo, &conn));
	TRY(schema_number(a, conn, &number));
	out->schema = (struct migrate_report){number, number};
	/* a newer schema is right: releases that run side by side share it */
	if (number < migrate_latest())
		return problem(a, PROBLEM_INVALID,
			       "the database is at migration %d and this hallmarkd needs %d; run "
			       "first: hallmarkd migrate",
			       number, migrate_latest());
	struct problem p = secret_read(a, c->secret_file, &secret);
	if (p.code == PROBLEM_NOT_FOUND)
		return problem(a, PROBLEM_INVALID,
			       "the secret file %s is missing; copy the one that `hallmarkd "
			       "migrate` made, or name it with --secret-file",
			       c->secret_file);
	TRY(p);
	return active_key(a, conn, out->key_id);
}
