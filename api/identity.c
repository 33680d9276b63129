#include "api/identity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/loop.h"
#include "api/reply.h"
#include "base/draft.h"
#include "base/timestamp.h"
#include "registry/token.h"
#include "sql/row.h"

enum { SLOTS = 1024 }; /* tokens a loop remembers; two in one slot take turns */

static const int64_t fresh_us = 2000000;

struct slot {
	char id[TOKEN_ID + 1];
	unsigned char hash[TOKEN_HASH];
	int64_t looked_up;  /* monotonic; 0: empty */
	int64_t expires_at; /* INT64_MIN: never */
	bool revoked;
	char principal[256];
	struct roles roles;
};

struct identity_cache {
	struct slot slots[SLOTS];
};

struct identity_cache *identity_cache_new(void)
{
	return calloc(1, sizeof(struct identity_cache));
}

void identity_cache_free(struct identity_cache *c)
{
	free(c);
}

static struct slot *slot_of(struct request *rq, const char *id)
{
	uint32_t h = 2166136261U;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619U;
	return &rq->loop->identities->slots[h % SLOTS];
}

static void refuse(struct request *rq, const char *why)
{
	counter_add(&rq->loop->metrics.auth_failures, 1);
	reply_problem(rq, problem(rq->arena, PROBLEM_UNAUTHENTICATED, "%s", why));
}

/* What the look-up waits with. */
struct finding {
	struct token token;
	request_fn *then;
};

static void judge(struct request *rq, const struct slot *s, const struct finding *f)
{
	unsigned char hash[TOKEN_HASH];

	token_hash(&f->token, rq->loop->service->options.token_key, hash);
	if (!token_same(hash, s->hash)) {
		refuse(rq, "this token is not known here");
		return;
	}
	if (s->revoked) {
		refuse(rq, "this token was revoked");
		return;
	}
	if (s->expires_at != INT64_MIN && s->expires_at < timestamp_now()) {
		refuse(rq, "this token has expired");
		return;
	}
	/* The slot may be another token's before the request ends. */
	struct roles *roles = arena_bytes(rq->arena, sizeof(*roles));
	roles->n = s->roles.n;
	memcpy(roles->bindings, s->roles.bindings, (size_t)s->roles.n * sizeof(roles->bindings[0]));
	rq->who.principal = arena_dup(rq->arena, s->principal, strlen(s->principal));
	rq->who.roles = roles;
	f->then(rq);
}

/* --- the look-up --- */

struct token_row {
	const char *id, *principal, *kind;
	struct bytes hash;
	int64_t expires_at, revoked_at, disabled_at;
	const char *roles;
};

static const struct column token_columns[] = {
	COLUMN(struct token_row, id, OID_TEXT),
	COLUMN(struct token_row, principal, OID_TEXT),
	COLUMN(struct token_row, kind, OID_TEXT),
	COLUMN(struct token_row, hash, OID_BYTEA),
	NULLABLE(struct token_row, expires_at, OID_TIMESTAMPTZ),
	NULLABLE(struct token_row, revoked_at, OID_TIMESTAMPTZ),
	NULLABLE(struct token_row, disabled_at, OID_TIMESTAMPTZ),
	COLUMN(struct token_row, roles, OID_JSON),
};

static struct problem roles_read(struct arena *a, const char *text, struct roles *out)
{
	json_t *list;
	const json_t *one;
	size_t i;

	out->n = 0;
	TRY(draft_parse(a, text, strlen(text), &list));
	json_array_foreach(list, i, one)
	{
		const char *project = json_string_value(json_object_get(one, "project"));
		const char *role = json_string_value(json_object_get(one, "role"));

		if (!project || !role || !roles_add(out, project, role))
			return problem(a, PROBLEM_INTERNAL, "a role binding cannot be read");
	}
	return NO_PROBLEM;
}

static struct problem slot_fill(struct request *rq, struct slot *s, const struct token_row *row)
{
	struct roles *roles = arena_alloc(rq->arena, sizeof(*roles));

	if (row->hash.len != TOKEN_HASH || strlen(row->id) > TOKEN_ID ||
	    strlen(row->principal) >= sizeof(s->principal))
		return problem(rq->arena, PROBLEM_INTERNAL, "token %s is malformed", row->id);
	TRY(roles_read(rq->arena, row->roles, roles));
	*s = (struct slot){.looked_up = monotonic_us(), .expires_at = row->expires_at};
	s->revoked = row->revoked_at != INT64_MIN || row->disabled_at != INT64_MIN;
	memcpy(s->id, row->id, strlen(row->id) + 1);
	memcpy(s->hash, row->hash.data, TOKEN_HASH);
	memcpy(s->principal, row->principal, strlen(row->principal) + 1);
	s->roles = *roles;
	return NO_PROBLEM;
}

static void looked_up(struct request *rq, const PGresult *res)
{
	const struct finding *f = rq->state;
	struct slot *s = slot_of(rq, f->token.id);
	struct token_row row;

	if (PQntuples(res) == 0) {
		refuse(rq, "this token is not known here");
		return;
	}
	if (reply_failed(rq, row_read(rq->arena, res, 0, COLUMNS(token_columns), &row)) ||
	    reply_failed(rq, slot_fill(rq, s, &row)))
		return;
	rq->state = NULL;
	judge(rq, s, f);
}

/* "Bearer <token>"; RFC 6750. */
static const char *bearer(struct request *rq)
{
	const char *value = request_header(rq, "Authorization");

	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	return value + strspn(value, " ");
}

void caller_find(struct request *rq, request_fn *then)
{
	struct finding *f = arena_alloc(rq->arena, sizeof(*f));
	const char *text = bearer(rq);

	f->then = then;
	if (!text) {
		refuse(rq, "send Authorization: Bearer and an access token");
		return;
	}
	if (!token_read(text, strlen(text), &f->token)) {
		refuse(rq, "this is not an access token of Hallmark, or a letter of it is wrong");
		return;
	}
	const struct slot *s = slot_of(rq, f->token.id);
	if (strcmp(s->id, f->token.id) == 0 && monotonic_us() - s->looked_up < fresh_us) {
		judge(rq, s, f);
		return;
	}
	rq->state = f;
	arg_text(request_args(rq), f->token.id);
	request_read(rq, STATEMENT_TOKENS_LOOKUP, looked_up);
}
