#include <string.h>

#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/dsse.h"
#include "sql/row.h"

/* GET …/attestation: the envelope, or the same in the form that cosign reads. */

struct attestation_row {
	const char *envelope, *key_id, *state, *reason;
};

static const struct column attestation_columns[] = {
	COLUMN(struct attestation_row, envelope, OID_TEXT),
	COLUMN(struct attestation_row, key_id, OID_TEXT),
	COLUMN(struct attestation_row, state, OID_TEXT),
	NULLABLE(struct attestation_row, reason, OID_TEXT),
};

static void show_bundle(struct request *rq, const struct attestation_row *row)
{
	const struct key *key = keyring_find(&rq->loop->keyring, row->key_id);
	size_t len;

	if (!key) {
		reply_problem(rq, problem(rq->arena, PROBLEM_UNAVAILABLE,
					  "the key %s is not known here yet", row->key_id));
		return;
	}
	const char *bundle =
		dsse_bundle(rq->arena, &key->public, row->envelope, strlen(row->envelope), &len);
	reply_text(rq, 200, DSSE_BUNDLE, bundle, len);
}

static void attestation_shown(struct request *rq, const PGresult *res)
{
	struct attestation_row row;
	const char *outcome;

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(attestation_columns), &row)) ||
	    !version_ref_state(rq, row.state, row.reason))
		return;
	reply_header(rq, "Cache-Control", "private, no-cache");
	reply_header(rq, "Vary", "Accept");
	if (strcmp(rq->media, DSSE_BUNDLE) == 0)
		show_bundle(rq, &row);
	else
		reply_text(rq, 200, DSSE_ENVELOPE, row.envelope, strlen(row.envelope));
}

void attestation_show(struct request *rq)
{
	request_args(rq);
	if (!reply_failed(rq, version_ref_args(rq)))
		request_read(rq, STATEMENT_ATTESTATIONS_GET, attestation_shown);
}
