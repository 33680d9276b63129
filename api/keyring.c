#include "api/keyring.h"

#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"

static const int64_t read_us = 1000000, beat_us = 5000000, retry_us = 50000;

enum { ARENA = 256 * 1024, READY = 8 * 1024 };

const struct key *keyring_active(const struct keyring *k)
{
	for (int i = 0; i < k->n; i++)
		if (strcmp(k->keys[i].state, "active") == 0)
			return &k->keys[i];
	return NULL;
}

const struct key *keyring_find(const struct keyring *k, const char *id)
{
	for (int i = 0; i < k->n; i++)
		if (strcmp(k->keys[i].id, id) == 0)
			return &k->keys[i];
	return NULL;
}

/* --- reading the list --- */

static void take(struct keyring *k, const PGresult *res)
{
	int n = PQntuples(res) < KEYRING_MAX ? PQntuples(res) : KEYRING_MAX;

	arena_reset(k->arena);
	k->n = 0;
	for (int i = 0; i < n; i++) {
		struct problem p = key_read(k->arena, res, i, &k->keys[k->n]);

		if (p.code == PROBLEM_NONE)
			k->n++;
		else
			log_line(LOG_ERROR, "key_row", LOG_TEXT("why", p.detail));
	}
}

/* Everybody may read these: they name nothing of what is inside. */
static const char *why_unready(const struct keyring *k)
{
	const struct db_state db = db_state(k->on.db);

	if (db.ready)
		return !keyring_active(k)                ? "no signing key is active"
		       : !signer_connected(k->on.signer) ? "the signer is away"
							 : NULL;
	if (db.behind)
		return "the database that answers was primary before a failover";
	return db.read_only ? "the database takes no changes" : "the database cannot be reached";
}

void keyring_judge(struct keyring *k)
{
	atomic_store(k->on.unready, why_unready(k));
}

static void list_read(struct db_call *call, const PGresult *res, struct problem p)
{
	struct keyring *k = OWNER_OF(call, struct keyring, read_call);

	k->reading = false;
	if (p.code == PROBLEM_NONE)
		take(k, res);
	FAILPOINT(KEYS_READ);
	keyring_judge(k);
	poller_set(k->on.poller, &k->read_timer,
		   monotonic_us() + (atomic_load(k->on.unready) ? retry_us : read_us));
	while (k->waiting) {
		struct keyring_wait *w = k->waiting;

		k->waiting = w->next;
		w->done(w);
	}
}

static void read_list(struct timer *t)
{
	struct keyring *k = OWNER_OF(t, struct keyring, read_timer);

	if (k->reading)
		return;
	k->reading = true;
	k->read_args = args_new(NULL);
	k->read_call = (struct db_call){.statement = &statements[STATEMENT_KEYS_LIST],
					.args = &k->read_args,
					.done = list_read};
	db_submit(k->on.db, &k->read_call);
	FAILPOINT(KEYS_ASKED);
}

void keyring_renew(struct keyring *k, struct keyring_wait *w)
{
	w->next = k->waiting;
	k->waiting = w;
	if (!k->reading)
		poller_set(k->on.poller, &k->read_timer, monotonic_us());
}

/* --- the heartbeat --- */

static void beat_again(struct keyring *k, int64_t in)
{
	k->beating = false;
	poller_set(k->on.poller, &k->beat_timer, monotonic_us() + in);
}

static void beaten(struct db_call *call, const PGresult *res, struct problem p)
{
	struct keyring *k = OWNER_OF(call, struct keyring, beat_call);

	if (p.code == PROBLEM_NONE && PQntuples(res) == 1) {
		const struct key *active = keyring_active(k);
		bool known = !PQgetisnull(res, 0, 0) && active &&
			     strcmp(active->id, PQgetvalue(res, 0, 0)) == 0;

		if (!known && !k->reading)
			poller_set(k->on.poller, &k->read_timer, monotonic_us());
	}
	beat_again(k, beat_us);
}

static void held(struct sign_call *call, struct problem p)
{
	struct keyring *k = OWNER_OF(call, struct keyring, held_call);
	static const int most = SIGN_KEYS_MAX;
	const char *ids[SIGN_KEYS_MAX];
	int n = call->nkeys < most ? call->nkeys : most;

	if (p.code != PROBLEM_NONE) {
		beat_again(k, retry_us);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *id = arena_bytes(call->arena, MINISIGN_ID_TEXT);

		minisign_id_text(call->keys[i].id, id);
		ids[i] = id;
	}
	k->beat_args = args_new(call->arena);
	arg_uuid(&k->beat_args, k->on.replica);
	arg_text_array(&k->beat_args, ids, (size_t)n);
	k->beat_call = (struct db_call){.statement = &statements[STATEMENT_REPLICAS_BEAT],
					.args = &k->beat_args,
					.done = beaten};
	db_submit(k->on.db, &k->beat_call);
}

static void beat(struct timer *t)
{
	struct keyring *k = OWNER_OF(t, struct keyring, beat_timer);

	if (k->beating)
		return;
	k->beating = true;
	arena_reset(k->beat_arena);
	k->held_call = (struct sign_call){.kind = SIGN_KEYS, .arena = k->beat_arena, .done = held};
	signer_submit(k->on.signer, &k->held_call);
}

bool keyring_start(struct keyring *k, const struct keyring_ground *ground)
{
	*k = (struct keyring){.on = *ground,
			      .keys = calloc(KEYRING_MAX, sizeof(struct key)),
			      .arena = arena_new_warm(ARENA, READY),
			      .beat_arena = arena_new_warm(ARENA, READY),
			      .read_timer.expired = read_list,
			      .beat_timer.expired = beat};
	if (!k->keys || !k->arena || !k->beat_arena)
		return false;
	poller_set(ground->poller, &k->read_timer, monotonic_us());
	if (ground->replica)
		poller_set(ground->poller, &k->beat_timer, monotonic_us());
	return true;
}

void keyring_close(struct keyring *k)
{
	free(k->keys);
	arena_free(k->arena);
	arena_free(k->beat_arena);
}
