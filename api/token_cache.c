#include "api/token_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_in.h"
#include "base/timestamp.h"
#include "sql/row.h"

enum { SLOTS = 1024 }; /* tokens a loop remembers; two in one slot take turns */

static const int64_t fresh_us = 2000000;

struct token_cache {
	struct known_token slots[SLOTS];
};

struct token_cache *token_cache_new(void)
{
	return calloc(1, sizeof(struct token_cache));
}

void token_cache_free(struct token_cache *c)
{
	free(c);
}

static struct known_token *slot_of(struct token_cache *c, const char *id)
{
	uint32_t h = 2166136261U;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619U;
	return &c->slots[h % SLOTS];
}

const struct known_token *token_cache_find(struct token_cache *c, const char *id)
{
	const struct known_token *t = slot_of(c, id);

	if (strcmp(t->id, id) != 0 || monotonic_us() - t->looked_up >= fresh_us)
		return NULL;
	return t;
}

/* --- what a row says --- */

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
	TRY(json_in(a, text, strlen(text), &list));
	json_array_foreach(list, i, one)
	{
		const char *project = json_string_value(json_object_get(one, "project"));
		const char *role = json_string_value(json_object_get(one, "role"));

		if (!project || !role || !roles_add(out, project, role))
			return problem(a, PROBLEM_INTERNAL, "a role binding cannot be read");
	}
	return NO_PROBLEM;
}

static struct problem fill(struct arena *a, struct known_token *s, const struct token_row *row)
{
	struct roles *roles = arena_alloc(a, sizeof(*roles));

	if (row->hash.len != TOKEN_HASH || strlen(row->id) > TOKEN_ID ||
	    strlen(row->principal) >= sizeof(s->principal))
		return problem(a, PROBLEM_INTERNAL, "token %s is malformed", row->id);
	TRY(roles_read(a, row->roles, roles));
	*s = (struct known_token){.looked_up = monotonic_us(), .expires_at = row->expires_at};
	s->revoked = row->revoked_at != INT64_MIN || row->disabled_at != INT64_MIN;
	memcpy(s->id, row->id, strlen(row->id) + 1);
	memcpy(s->hash, row->hash.data, TOKEN_HASH);
	memcpy(s->principal, row->principal, strlen(row->principal) + 1);
	s->roles = *roles;
	return NO_PROBLEM;
}

struct problem token_cache_learn(struct token_cache *c, struct arena *a, const PGresult *res,
				 const struct known_token **out)
{
	struct token_row row;

	TRY(row_read(a, res, 0, COLUMNS(token_columns), &row));
	struct known_token *slot = slot_of(c, row.id);
	*out = slot;
	return fill(a, slot, &row);
}
