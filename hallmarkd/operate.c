/* The commands that run the registry, and the processes that it is made of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "hallmarkd/admin.h"
#include "hallmarkd/command.h"
#include "hallmarkd/control.h"
#include "hallmarkd/prepare.h"
#include "hallmarkd/privilege.h"
#include "hallmarkd/sandbox.h"
#include "hallmarkd/serve.h"
#include "hallmarkd/signer.h"
#include "hallmarkd/state.h"
#include "hallmarkd/supervisor.h"

struct problem run_serve(struct invocation *in)
{
	in->status = supervise(in->arena, in->settings, in->config);
	return NO_PROBLEM;
}

struct problem run_config(struct invocation *in)
{
	settings_print(in->settings, stdout);
	return NO_PROBLEM;
}

struct problem run_migrate(struct invocation *in)
{
	struct identity who;
	struct prepared done;
	struct admin admin;

	TRY(identity_find(in->arena, in->config, &who));
	TRY(state_make(in->arena, in->config->state, &who));
	TRY(admin_begin(in->arena, in->config, &admin));
	TRY(prepare(in->arena, in->config, admin.conninfo, &done));
	if (done.schema.from == done.schema.to)
		printf("The database is at migration %d, as it was.\n", done.schema.to);
	else
		printf("The database went from migration %d to %d.\n", done.schema.from,
		       done.schema.to);
	if (done.made_secret)
		printf("Made the secret file %s; every replica needs it.\n",
		       in->config->secret_file);
	if (done.made_key)
		printf("Made the signing key %s in %s; every replica needs it.\n", done.key_id,
		       in->config->keys);
	if (done.made_admin)
		printf("The admin token lies in %s/admin.token.\n", in->config->state);
	return NO_PROBLEM;
}

/* ---- Started by the supervisor ---- */

static struct problem prepare_by_kind(struct arena *a, const struct config *c,
				      struct prepared *done)
{
	TRY(prepare_transfers(a, c));
	if (!c->embedded)
		return prepare_check(a, c, c->database_url, done);
	TRY(prepare_database(a, c->database_url));
	return prepare(a, c, c->database_url, done);
}

struct problem run_prepare(struct invocation *in)
{
	const struct config *c = in->config;
	struct prepared done;
	struct problem p = prepare_by_kind(in->arena, c, &done);

	if (p.code == PROBLEM_UNAVAILABLE) {
		log_line(LOG_WARN, "database_away", LOG_TEXT("why", p.detail));
		in->status = EXIT_TRY_AGAIN;
		return NO_PROBLEM;
	}
	if (p.code != PROBLEM_NONE) {
		log_line(LOG_ERROR, "cannot_start", LOG_TEXT("why", p.detail));
		in->status = 1;
		return NO_PROBLEM;
	}
	printf("%s\n", done.key_id);
	return NO_PROBLEM;
}

struct problem run_service(struct invocation *in)
{
	struct problem p = sandbox_service(in->arena, in->config->keys);

	if (p.code != PROBLEM_NONE) {
		log_line(LOG_ERROR, "cannot_start", LOG_TEXT("why", p.detail));
		in->status = 1;
		return NO_PROBLEM;
	}
	in->status = serve_main(in->arena, in->config, SERVICE_CONTROL);
	return NO_PROBLEM;
}

struct problem run_signer(struct invocation *in)
{
	/* the loops' and the supervisor's */
	int sockets[CONTROL_FDS_MAX + 1], n = in->config->loops + 1;

	for (int i = 0; i < n; i++)
		sockets[i] = SIGNER_SOCKETS + i;
	in->status = signer_main(n, sockets, in->config->keys);
	return NO_PROBLEM;
}
