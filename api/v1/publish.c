#include <string.h>

#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/draft.h"
#include "base/failpoint.h"
#include "base/timestamp.h"
#include "registry/artifact.h"
#include "registry/version.h"
#include "storage/ingest.h"

/* Publishing reads what the draft holds, checks every file, has the manifest signed
 * and then asks the database to publish exactly that manifest. When the draft or the
 * signing key has changed in between, it starts over. */
enum { TRIES = 5, REASONS = 100 };

struct head_row {
	unsigned char id[16];
	const char *state, *manifest;
	struct bytes digest;
	const char *path; /* of the first file; NULL: there is none */
};

static const struct column head_columns[] = {
	COLUMN(struct head_row, id, OID_UUID),         COLUMN(struct head_row, state, OID_TEXT),
	NULLABLE(struct head_row, manifest, OID_TEXT), NULLABLE(struct head_row, digest, OID_BYTEA),
	NULLABLE(struct head_row, path, OID_TEXT),
};

struct publishing {
	struct request *rq;
	struct head_row head;
	int nfiles;
	struct artifact *files;
	const struct minisign_public **keys; /* of each file; NULL: unknown here */
	bool reread;
	struct problem_error *reasons, **last;
	int nreasons, tries;
	const char **lost; /* storage keys of bytes that are not what was uploaded */
	size_t nlost;
	struct problem away; /* the store does not answer: no reason against the version */
};

static void publish_read(struct request *rq);

/* --- what each file must be --- */

static void add_reason(struct publishing *p, const struct artifact *f, const char *why)
{
	struct problem_error *e;

	if (p->nreasons++ >= REASONS)
		return;
	e = arena_alloc(p->rq->arena, sizeof(*e));
	e->pointer = pointer_member(p->rq->arena, "/artifacts", f->path);
	e->detail = why;
	*p->last = e;
	p->last = (struct problem_error **)&e->next;
}

static const char *lost(struct publishing *p, const struct artifact *f, const char *why)
{
	p->lost[p->nlost++] = f->storage_key;
	return why;
}

static const char *bytes_fault(struct publishing *p, const struct artifact *f)
{
	struct store *s = p->rq->loop->service->store;
	struct arena *a = p->rq->arena;
	struct ingest_result again = {0};
	struct problem problem =
		p->reread ? ingest_reread(s, a, f->storage_key, INGEST_FROM_CACHE, &again)
			  : s->ops->size(s, a, f->storage_key, &again.size);

	if (problem.code == PROBLEM_NOT_FOUND)
		return lost(p, f, "its bytes are missing from the store; upload it again");
	if (problem.code == PROBLEM_UNAVAILABLE || problem.code == PROBLEM_BUSY)
		p->away = problem;
	if (problem.code != PROBLEM_NONE)
		return "its bytes cannot be read now";
	if (again.size != f->size)
		return lost(p, f,
			    "the store has another number of bytes than were uploaded; upload it "
			    "again");
	if (!p->reread || memcmp(again.digests.sha256, f->sha256.data, SHA256_BYTES) == 0)
		return NULL;
	return lost(p, f, "the stored bytes have another SHA-256 than was signed; upload it again");
}

static const char *file_fault(struct publishing *p, int i)
{
	const struct artifact *f = &p->files[i];

	if (strcmp(f->blob_state, "live") != 0)
		return "its bytes were found damaged; upload it again";
	if (!p->keys[i])
		return "it was signed with a key that is not known here";
	if (artifact_verify(p->rq->arena, f, p->keys[i]).code != PROBLEM_NONE)
		return "its signature does not verify; upload it again";
	return bytes_fault(p, f);
}

/* On a pool thread. */
static void check_files(struct request *rq)
{
	struct publishing *p = rq->state;

	p->reasons = NULL;
	p->last = &p->reasons;
	p->nreasons = 0;
	p->lost = arena_array(rq->arena, const char *, p->nfiles);
	p->nlost = 0;
	p->away = NO_PROBLEM;
	for (int i = 0; i < p->nfiles && p->away.code == PROBLEM_NONE; i++) {
		const char *fault = file_fault(p, i);

		if (fault)
			add_reason(p, &p->files[i], fault);
	}
}

/* --- the second statement --- */

static void published(struct request *rq, const PGresult *res)
{
	struct publishing *p = rq->state;
	struct version v;
	const char *outcome;

	FAILPOINT(PUBLISH_ANSWERED);
	if (reply_failed(rq, outcome_read(rq, res, &outcome)))
		return;
	if (strcmp(outcome, "changed") == 0 && p->tries < TRIES) {
		publish_read(rq);
		return;
	}
	if (strcmp(outcome, "key_inactive") == 0 && p->tries < TRIES) {
		request_renew_keys(rq, publish_read);
		return;
	}
	if (outcome_refused(rq, outcome) || reply_failed(rq, version_read(rq->arena, res, 0, &v)))
		return;
	ticker_wake(&rq->loop->ticker);
	struct json_out j = json_out_new(rq->arena);
	version_write(&j, &v);
	reply_etag(rq, reply_version_tag(rq, v.row_version));
	reply_json(rq, 200, &j);
}

static void publish(struct request *rq, const struct sign_call *signature)
{
	const struct publishing *p = rq->state;
	struct args *args = request_args(rq);
	char id[MINISIGN_ID_TEXT];

	FAILPOINT(PUBLISH_SIGNED);
	minisign_id_text(signature->key.id, id);
	arg_uuid(args, p->head.id);
	arg_bytes(args, p->head.digest);
	arg_text(args, signature->text);
	arg_text(args, arena_dup(rq->arena, id, strlen(id)));
	request_args_actor(rq);
	request_mark_bytes(rq, p->head.digest);
	request_write(rq, STATEMENT_VERSIONS_PUBLISH, request_param(rq, "model"), published,
		      publish_read);
	FAILPOINT(PUBLISH_QUEUED);
}

static void sign(struct request *rq)
{
	const struct publishing *p = rq->state;
	struct sign_call what = {.kind = SIGN_VERSION};

	what.version.manifest = p->head.manifest;
	what.version.manifest_len = strlen(p->head.manifest);
	what.version.at = timestamp_now();
	request_sign(rq, &what, publish);
	FAILPOINT(PUBLISH_SIGNATURE_ASKED);
}

static void refuse(struct request *rq)
{
	const struct publishing *p = rq->state;

	reply_problem(rq,
		      (struct problem){
			      .code = PROBLEM_NOT_PUBLISHABLE,
			      .detail = arena_printf(rq->arena, "%d of %d artifacts are not fit",
						     p->nreasons, p->nfiles),
			      .errors = p->reasons,
		      });
}

static void were_set_aside(struct request *rq)
{
	ticker_wake(&rq->loop->ticker);
	refuse(rq);
}

static void set_aside(struct request *rq, const PGresult *res)
{
	const char *outcome;

	if (outcome_good(rq, res, &outcome))
		were_set_aside(rq);
}

/* Lost bytes are set aside, or an upload would find them there and keep them. */
static void files_checked(struct request *rq)
{
	struct publishing *p = rq->state;

	FAILPOINT(PUBLISH_CHECKED);
	if (reply_failed(rq, p->away))
		return;
	if (p->nlost) {
		arg_text_array(request_args(rq), p->lost, p->nlost);
		request_args_actor(rq);
		request_write(rq, STATEMENT_BLOBS_QUARANTINE, request_param(rq, "model"), set_aside,
			      were_set_aside);
	} else if (p->reasons) {
		refuse(rq);
	} else {
		sign(rq);
	}
}

/* --- the first statement --- */

static void shown(struct request *rq, const PGresult *res)
{
	struct version v;
	const char *outcome;

	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, version_read(rq->arena, res, 0, &v)))
		return;
	struct json_out j = json_out_new(rq->arena);
	version_write(&j, &v);
	reply_etag(rq, reply_version_tag(rq, v.row_version));
	reply_json(rq, 200, &j);
}

/* Publishing what is published already changes nothing. */
static void not_a_draft(struct request *rq, const char *state)
{
	if (strcmp(state, "yanked") == 0 || strcmp(state, "discarded") == 0) {
		outcome_refused(rq, state);
		return;
	}
	request_args(rq);
	if (!reply_failed(rq, version_ref_args(rq)))
		request_read(rq, STATEMENT_VERSIONS_GET, shown);
}

static struct problem files_take(struct request *rq, const PGresult *res, struct publishing *p)
{
	int64_t total = 0;

	p->nfiles = PQntuples(res);
	p->files = arena_array(rq->arena, struct artifact, p->nfiles);
	p->keys = arena_array(rq->arena, const struct minisign_public *, p->nfiles);
	for (int i = 0; i < p->nfiles; i++) {
		TRY(artifact_read(rq->arena, res, i, &p->files[i]));
		const struct key *key = keyring_find(&rq->loop->keyring, p->files[i].key_id);

		if (key) {
			struct minisign_public *copy = arena_bytes(rq->arena, sizeof(*copy));

			*copy = key->public;
			p->keys[i] = copy;
		}
		total += p->files[i].size;
	}
	p->reread = total <= rq->loop->service->options.publish_reread;
	return NO_PROBLEM;
}

static void draft_there(struct request *rq, const PGresult *res)
{
	struct publishing *p = rq->state;
	const char *outcome;

	FAILPOINT(PUBLISH_READ);
	if (!outcome_good(rq, res, &outcome) ||
	    reply_failed(rq, row_find(rq->arena, res, 0, COLUMNS(head_columns), &p->head)))
		return;
	if (strcmp(p->head.state, "draft") != 0)
		not_a_draft(rq, p->head.state);
	else if (!p->head.path)
		outcome_refused(rq, "empty");
	else if (!p->head.manifest || !p->head.digest.data)
		reply_problem(rq, problem(rq->arena, PROBLEM_INTERNAL, "there is no manifest"));
	else if (!keyring_active(&rq->loop->keyring))
		reply_problem(rq,
			      problem(rq->arena, PROBLEM_UNAVAILABLE, "no signing key is active"));
	else if (!reply_failed(rq, files_take(rq, res, p)))
		request_job(rq, check_files, files_checked);
}

static void publish_read(struct request *rq)
{
	struct publishing *p = rq->state;

	p->tries++;
	request_args(rq);
	if (!reply_failed(rq, version_ref_args(rq)))
		request_read(rq, STATEMENT_VERSIONS_PUBLISH_READ, draft_there);
}

/* POST …/publish takes no body, or an empty object. */
static struct problem body_is_empty(struct request *rq)
{
	json_t *root;

	if (rq->body_len == 0)
		return NO_PROBLEM;
	TRY(request_json(rq, &root));
	if (!json_is_object(root) || json_object_size(root) > 0)
		return problem_at_pointer(rq->arena, "", "publishing takes no body, or {}");
	return NO_PROBLEM;
}

void version_publish(struct request *rq)
{
	struct publishing *p = rq->state = arena_alloc(rq->arena, sizeof(*p));

	p->rq = rq;
	if (!reply_failed(rq, body_is_empty(rq)))
		publish_read(rq);
}
