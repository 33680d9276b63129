#include "hallmarkd/admin.h"

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "hallmarkd/postgres.h"
#include "hallmarkd/privilege.h"
#include "hallmarkd/state.h"
#include "sql/once.h"

/* Whoever typed the command, before sudo and before the drop. */
static const char *actor_name(struct arena *a)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *name = getuid() == 0 ? getenv("SUDO_USER") : NULL;

	if (!name)
		name = pw ? pw->pw_name : "somebody";
	return arena_printf(a, "hallmarkd/%s", name);
}

/* While a supervisor has the folder its database is up, or will be in a moment. */
static bool database_runs(struct arena *a, const struct config *c, const struct postgres *pg)
{
	const int64_t deadline = monotonic_us() + 10 * 1000000LL;
	pid_t pid;

	while (postgres_status(a, pg, &pid) != POSTGRES_READY) {
		if (!state_holder(a, c->state) || monotonic_us() > deadline)
			return false;
		usleep(10000);
	}
	return true;
}

struct problem admin_begin(struct arena *a, const struct config *c, struct admin *out)
{
	struct identity who;
	struct postgres pg;

	*out = (struct admin){.actor = actor_name(a), .conninfo = c->database_url};
	TRY(identity_find(a, c, &who));
	TRY(identity_become(a, &who));
	if (!c->embedded)
		return NO_PROBLEM;
	if (access(c->state, R_OK | X_OK) != 0)
		return problem(a, PROBLEM_INVALID,
			       "there is no state folder %s that we may read; name the registry's "
			       "with --state, or its database in DATABASE_URL",
			       c->state);
	TRY(postgres_locate(a, c, &who, &pg));
	if (!database_runs(a, c, &pg))
		return problem(a, PROBLEM_UNAVAILABLE,
			       "the registry in %s is not running, and its database with it; start "
			       "it with: hallmarkd serve",
			       c->state);
	out->conninfo = pg.conninfo;
	return NO_PROBLEM;
}

struct problem admin_connect(struct arena *a, struct admin *out)
{
	return once_connect(a, out->conninfo, &out->conn);
}

const char *admin_request(struct arena *a)
{
	unsigned char uuid[UUID_BYTES];
	char *text = arena_bytes(a, UUID_TEXT);

	uuid_new(uuid);
	uuid_text(uuid, text);
	return text;
}

bool admin_renew_signer(struct arena *a, const struct config *c)
{
	pid_t pid = state_holder(a, c->state);

	return pid > 0 && kill(pid, SIGHUP) == 0;
}

struct problem admin_register_key(struct arena *a, PGconn *conn, const struct minisign_public *key,
				  const char *actor, const char **outcome)
{
	struct args args = args_new(a);
	char id[MINISIGN_ID_TEXT];
	PGresult *res;

	minisign_id_text(key->id, id);
	arg_text(&args, id);
	arg_bytes(&args, (struct bytes){key->key, sizeof(key->key)});
	arg_text(&args, actor);
	arg_text(&args, admin_request(a));
	TRY(once_run(a, conn, STATEMENT_KEYS_ADD, &args, &res));
	*outcome = once_outcome(res);
	return NO_PROBLEM;
}
