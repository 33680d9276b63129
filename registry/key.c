#include "registry/key.h"

#include <string.h>

struct key_row {
	const char *id, *state;
	struct bytes public;
	int64_t created_at, activated_at, retired_at;
};

static const struct column columns[] = {
	COLUMN(struct key_row, id, OID_TEXT),
	COLUMN(struct key_row, state, OID_TEXT),
	COLUMN(struct key_row, public, OID_BYTEA),
	COLUMN(struct key_row, created_at, OID_TIMESTAMPTZ),
	NULLABLE(struct key_row, activated_at, OID_TIMESTAMPTZ),
	NULLABLE(struct key_row, retired_at, OID_TIMESTAMPTZ),
};

struct problem key_read(struct arena *a, const PGresult *res, int row, struct key *out)
{
	struct key_row r;

	TRY(row_find(a, res, row, COLUMNS(columns), &r));
	if (r.public.len != sizeof(out->public.key) || strlen(r.state) >= sizeof(out->state) ||
	    !minisign_id_read(r.id, strlen(r.id), out->public.id))
		return problem(a, PROBLEM_INTERNAL, "key %s in the database is malformed", r.id);
	memcpy(out->id, r.id, sizeof(out->id));
	memcpy(out->state, r.state, strlen(r.state) + 1);
	memcpy(out->public.key, r.public.data, sizeof(out->public.key));
	out->created_at = r.created_at;
	out->activated_at = r.activated_at;
	out->retired_at = r.retired_at;
	return NO_PROBLEM;
}

void key_write(struct json_out *j, const struct key *k)
{
	jw_object(j);
	jw_key(j, "id"), jw_text(j, k->id);
	jw_key(j, "state"), jw_text(j, k->state);
	jw_key(j, "minisign"), jw_text(j, minisign_public_file(j->arena, &k->public));
	jw_key(j, "pem"), jw_text(j, minisign_public_pem(j->arena, &k->public));
	jw_key(j, "created_at"), jw_time(j, k->created_at);
	jw_key(j, "activated_at"), jw_time(j, k->activated_at);
	jw_key(j, "retired_at"), jw_time(j, k->retired_at);
	jw_end_object(j);
}
