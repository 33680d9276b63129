#include <string.h>

#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/strays.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/failpoint.h"
#include "base/text.h"
#include "registry/artifact.h"
#include "registry/name.h"
#include "registry/notation.h"
#include "storage/gather.h"

/* PUT of an artifact: look at the draft, take the bytes, sign, store. */

enum { SIGN_TRIES = 3 };

/* One upload, from its first byte to its row. */
struct upload {
	struct request *rq;
	struct gather *bytes;
	struct problem problem; /* of the last step of storing them */
	const char *path, *media_type;
	struct condition match;
	bool create_only;

	/* The draft it goes to, as the check found it. */
	unsigned char version_id[16];
	const char *project, *model, *version;

	int tries;     /* at signing */
	bool finished; /* the bytes are in the store, under their key */
	bool asked;    /* for their row … */
	bool answered; /* … which is there, or is known not to be */
	bool unwanted; /* no row names the key */
};

struct draft_row {
	unsigned char version_id[16];
	const char *project, *model, *version;
};

static const struct column draft_columns[] = {
	COLUMN(struct draft_row, version_id, OID_UUID),
	COLUMN(struct draft_row, project, OID_TEXT),
	COLUMN(struct draft_row, model, OID_TEXT),
	COLUMN(struct draft_row, version, OID_TEXT),
};

static bool is_unsure(const struct upload *u)
{
	return u->asked && !u->answered && u->rq->outcome_unknown;
}

static void end_bytes(void *upload)
{
	struct upload *u = upload;
	const struct service *s = u->rq->loop->service;

	if (u->finished && is_unsure(u))
		strays_add(u->rq->loop->strays, u->rq->readback);
	else if (u->finished && (!u->answered || u->unwanted))
		ingest_discard(s->store, s->jobs, gather_result(u->bytes)->key);
	gather_end(u->bytes);
}

static void bytes_taken(struct request *rq)
{
	struct upload *u = rq->state;

	reply_failed(rq, u->problem);
}

static void sign(struct request *rq);

static void bytes_finished(struct request *rq)
{
	struct upload *u = rq->state;

	if (reply_failed(rq, u->problem))
		return;
	u->finished = true;
	sign(rq);
}

static void on_bytes(void *who, struct problem p)
{
	struct upload *u = who;
	bool whole = u->rq->stage == STAGE_HANDLE;

	u->problem = p;
	request_continue(u->rq, whole ? bytes_finished : bytes_taken);
}

/* What the client says the bytes are: both headers may name it, and must agree. */
static struct problem announced(struct request *rq, unsigned char sha256[SHA256_BYTES], bool *given)
{
	static const char *const headers[] = {"Repr-Digest", "Content-Digest"};

	*given = false;
	for (int i = 0; i < 2; i++) {
		const char *value = request_header(rq, headers[i]);
		unsigned char digest[SHA256_BYTES];
		bool here = false;

		if (value)
			TRY(digest_header_read(rq->arena, headers[i], value, digest, &here));
		if (here && *given && memcmp(digest, sha256, SHA256_BYTES) != 0)
			return problem_at_header(
				rq->arena, headers[i],
				"Repr-Digest and Content-Digest name different bytes");
		if (here)
			memcpy(sha256, digest, SHA256_BYTES);
		*given |= here;
	}
	return NO_PROBLEM;
}

static struct problem bytes_open(struct request *rq, struct upload *u)
{
	struct service *s = rq->loop->service;
	unsigned char *sha256 = arena_bytes(rq->arena, SHA256_BYTES);
	struct ingest_plan plan = {.store = s->store,
				   .jobs = s->jobs,
				   .home = rq->loop->mailbox,
				   .length = rq->content_length,
				   .done = on_bytes,
				   .who = u};
	bool given;

	TRY(announced(rq, sha256, &given));
	plan.sha256 = given ? sha256 : NULL;
	arena_defer(rq->arena, end_bytes, u);
	u->bytes = gather_begin(&plan);
	return u->bytes ? NO_PROBLEM
			: problem(rq->arena, PROBLEM_BUSY, "no memory for another upload");
}

static void checked(struct request *rq, const PGresult *res)
{
	struct upload *u = rq->state;
	struct draft_row row;
	const char *outcome;

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(draft_columns), &row)))
		return;
	memcpy(u->version_id, row.version_id, sizeof(u->version_id));
	u->project = row.project;
	u->model = row.model;
	u->version = row.version;
	FAILPOINT(UPLOAD_CHECKED);
	reply_failed(rq, bytes_open(rq, u));
}

static struct problem upload_read(struct request *rq, struct upload *u)
{
	const char *type = request_header(rq, "Content-Type");

	u->rq = rq;
	u->path = request_param(rq, "path");
	u->media_type = type ? type : artifact_media_type(u->path);
	TRY(name_path(rq->arena, "path", u->path, strlen(u->path)));
	TRY(notation_media_type(rq->arena, "Content-Type", u->media_type, strlen(u->media_type)));
	return condition_of_change(rq, &u->match, &u->create_only);
}

/* The head is in: look whether the draft takes this file before a byte is read. */
void artifact_put_begin(struct request *rq)
{
	struct upload *u = rq->state = arena_alloc(rq->arena, sizeof(*u));
	struct args *args = request_args(rq);

	if (reply_failed(rq, upload_read(rq, u)) || reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, u->path);
	request_read(rq, STATEMENT_ARTIFACTS_PUT_CHECK, checked);
}

size_t artifact_put_piece(struct request *rq, const char *data, size_t size)
{
	struct upload *u = rq->state;
	size_t taken;

	if (reply_failed(rq, gather_take(u->bytes, data, size, &taken)))
		return size;
	counter_add(&rq->loop->metrics.upload_bytes, taken);
	if (taken < size)
		request_wait(rq);
	return taken;
}

/* The bytes are all here: make them durable, under a name of their own. */
void artifact_put(struct request *rq)
{
	struct upload *u = rq->state;

	request_wait(rq);
	gather_finish(u->bytes);
}

/* The same bytes were there before, or have been put anew since. */
static bool is_loser(const struct ingest_result *bytes, const struct artifact *f)
{
	return memcmp(f->sha256.data, bytes->digests.sha256, SHA256_BYTES) == 0 &&
	       strcmp(f->storage_key, bytes->key) != 0;
}

static void stored(struct request *rq, const PGresult *res)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	const char *outcome;
	struct artifact f;

	FAILPOINT(UPLOAD_ROW_ANSWERED);
	u->answered = true;
	if (reply_failed(rq, outcome_read(rq, res, &outcome)))
		return;
	if (strcmp(outcome, "key_inactive") == 0 && u->tries < SIGN_TRIES) {
		u->asked = u->answered = false;
		request_renew_keys(rq, sign);
		return;
	}
	if (outcome_refused(rq, outcome)) {
		u->unwanted = !rq->made;
		return;
	}
	if (reply_failed(rq, artifact_read(rq->arena, res, 0, &f)))
		return;
	u->unwanted = is_loser(bytes, &f);
	ticker_wake(&rq->loop->ticker);
	struct json_out j = json_out_new(rq->arena);
	artifact_write(&j, &f);
	char sha256[SHA256_TEXT];
	hex_text(sha256, f.sha256.data, f.sha256.len);
	reply_etag(rq, arena_dup(rq->arena, sha256, SHA256_TEXT - 1));
	const bool created = outcome_is_created(rq, outcome);
	if (created)
		reply_header(rq, "Location",
			     arena_dup(rq->arena, rq->target.raw, rq->target.path_len));
	reply_json(rq, created ? 201 : 200, &j);
}

/* The row was made; perhaps somebody has put something else in its place since. */
static void read_stored(struct request *rq)
{
	struct upload *u = rq->state;

	u->answered = true;
	request_args(rq);
	if (reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(&rq->args, u->path);
	request_read(rq, STATEMENT_ARTIFACTS_GET, stored);
}

/* It is signed: with its row it is an artifact. */
static void store(struct request *rq, const struct sign_call *signature)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	struct args *args = request_args(rq);
	char id[MINISIGN_ID_TEXT];

	FAILPOINT(UPLOAD_SIGNED);
	minisign_id_text(signature->key.id, id);
	arg_uuid(args, u->version_id);
	arg_text(args, u->path);
	arg_bytes(args, (struct bytes){bytes->digests.sha256, sizeof(bytes->digests.sha256)});
	arg_int8(args, bytes->size);
	arg_bytes(args, (struct bytes){bytes->digests.blake2b, sizeof(bytes->digests.blake2b)});
	arg_text(args, bytes->key);
	arg_text(args, u->media_type);
	arg_text(args, signature->text);
	arg_text(args, arena_dup(rq->arena, id, strlen(id)));
	arg_match_digests(args, &u->match);
	arg_bool(args, u->create_only);
	request_args_actor(rq);
	request_mark(rq, bytes->key);
	u->asked = true;
	request_write(rq, STATEMENT_ARTIFACTS_PUT, request_param(rq, "model"), stored, read_stored);
	FAILPOINT(UPLOAD_ROW_QUEUED);
}

static void sign(struct request *rq)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	struct sign_call what = {.kind = SIGN_ARTIFACT};

	u->tries++;
	what.artifact.project = u->project;
	what.artifact.model = u->model;
	what.artifact.version = u->version;
	what.artifact.path = u->path;
	memcpy(what.artifact.sha256, bytes->digests.sha256, sizeof(bytes->digests.sha256));
	memcpy(what.artifact.blake2b, bytes->digests.blake2b, sizeof(bytes->digests.blake2b));
	request_sign(rq, &what, store);
	FAILPOINT(UPLOAD_SIGNATURE_ASKED);
}
