/* key.h - a signing key as the database has it: public half, state, times. */
#ifndef HALLMARK_REGISTRY_KEY_H
#define HALLMARK_REGISTRY_KEY_H

#include "base/json_out.h"
#include "base/minisign.h"
#include "sql/row.h"

struct key {
	char id[MINISIGN_ID_TEXT];
	struct minisign_public public;
	char state[12];                               /* standby, active, retired */
	int64_t created_at, activated_at, retired_at; /* INT64_MIN: not */
};

struct problem key_read(struct arena *a, const PGresult *res, int row, struct key *out) MUST_CHECK;

/* {"id", "state", "minisign", "pem", "created_at", "activated_at", "retired_at"} */
void key_write(struct json_out *j, const struct key *k);

#endif
