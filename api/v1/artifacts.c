#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/condition.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/range.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/owner.h"
#include "base/text.h"
#include "registry/artifact.h"
#include "registry/name.h"
#include "registry/notation.h"
#include "storage/gather.h"

/* --- PUT: check, take the bytes, sign, store --- */

enum { SIGN_TRIES = 3 };

/* One upload, from its first byte to its row. */
struct upload {
	struct request *rq;
	struct gather *bytes;
	struct problem problem; /* of the last step of storing them, or of signing */
	const char *path, *media_type;
	struct condition match;
	bool create_only;

	/* The draft it goes to, as the check found it. */
	unsigned char version_id[16];
	const char *project, *model, *version;

	struct sign_call sign;
	int tries;
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

static void end_bytes(void *upload)
{
	struct upload *u = upload;

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

	if (!reply_failed(rq, u->problem))
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

static void stored(struct request *rq, const PGresult *res)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	const char *outcome;
	struct artifact f;

	if (reply_failed(rq, outcome_read(rq, res, &outcome)))
		return;
	if (strcmp(outcome, "key_inactive") == 0 && u->tries < SIGN_TRIES) {
		keyring_renewed(&rq->loop->keyring, rq, sign);
		return;
	}
	if (outcome_refused(rq, outcome)) {
		ingest_discard(rq->loop->service->store, rq->loop->service->jobs, bytes->key);
		return;
	}
	if (reply_failed(rq, artifact_read(rq->arena, res, 0, &f)))
		return;
	if (!f.storage_key || strcmp(f.storage_key, bytes->key) != 0)
		ingest_discard(rq->loop->service->store, rq->loop->service->jobs, bytes->key);
	ticker_wake(&rq->loop->ticker);
	struct json_out j = json_out_new(rq->arena);
	artifact_write(&j, &f);
	char sha256[SHA256_TEXT];
	hex_text(sha256, f.sha256.data, f.sha256.len);
	reply_etag(rq, arena_dup(rq->arena, sha256, SHA256_TEXT - 1));
	if (strcmp(outcome, "created") == 0)
		reply_header(rq, "Location",
			     arena_dup(rq->arena, rq->target.raw, rq->target.path_len));
	reply_json(rq, strcmp(outcome, "created") == 0 ? 201 : 200, &j);
}

static void store(struct request *rq)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	struct args *args = request_args(rq);
	char id[MINISIGN_ID_TEXT];

	minisign_id_text(u->sign.key.id, id);
	arg_uuid(args, u->version_id);
	arg_text(args, u->path);
	arg_bytes(args, (struct bytes){bytes->digests.sha256, sizeof(bytes->digests.sha256)});
	arg_int8(args, bytes->size);
	arg_bytes(args, (struct bytes){bytes->digests.blake2b, sizeof(bytes->digests.blake2b)});
	arg_text(args, bytes->key);
	arg_text(args, u->media_type);
	arg_text(args, u->sign.text);
	arg_text(args, arena_dup(rq->arena, id, strlen(id)));
	arg_match_digests(args, &u->match);
	arg_bool(args, u->create_only);
	request_args_actor(rq);
	request_write(rq, STATEMENT_ARTIFACTS_PUT, request_param(rq, "model"), stored);
}

static void signed_now(struct request *rq)
{
	struct upload *u = rq->state;

	if (reply_failed(rq, u->problem))
		return;
	counter_add(&rq->loop->metrics.signatures, 1);
	store(rq);
}

static void on_signed(struct sign_call *call, struct problem p)
{
	struct upload *u = OWNER_OF(call, struct upload, sign);

	u->problem = p;
	request_continue(u->rq, signed_now);
}

static void sign(struct request *rq)
{
	struct upload *u = rq->state;
	const struct ingest_result *bytes = gather_result(u->bytes);
	const struct key *key = keyring_active(&rq->loop->keyring);

	if (!key) {
		reply_problem(rq,
			      problem(rq->arena, PROBLEM_UNAVAILABLE, "no signing key is active"));
		return;
	}
	u->tries++;
	u->sign = (struct sign_call){
		.kind = SIGN_ARTIFACT, .arena = rq->arena, .done = on_signed, .key = key->public};
	u->sign.artifact.project = u->project;
	u->sign.artifact.model = u->model;
	u->sign.artifact.version = u->version;
	u->sign.artifact.path = u->path;
	memcpy(u->sign.artifact.sha256, bytes->digests.sha256, sizeof(bytes->digests.sha256));
	memcpy(u->sign.artifact.blake2b, bytes->digests.blake2b, sizeof(bytes->digests.blake2b));
	request_wait(rq);
	signer_submit(rq->loop->signer, &u->sign);
}

/* --- GET and HEAD --- */

struct download {
	struct artifact file;
	const char *tag; /* its SHA-256 in hexadecimal */
	int fd;
	int64_t size;
	struct problem problem;
};

static void close_download(void *what)
{
	struct download *d = what;

	if (d->fd >= 0)
		close(d->fd);
}

static void open_bytes(struct request *rq)
{
	struct download *d = rq->state;
	struct store *s = rq->loop->service->store;

	d->problem = rq->method == METHOD_HEAD
			     ? s->ops->size(s, rq->arena, d->file.storage_key, &d->size)
			     : s->ops->open(s, rq->arena, d->file.storage_key, &d->fd, &d->size);
	if (d->problem.code == PROBLEM_NONE && d->size != d->file.size)
		d->problem =
			problem(rq->arena, PROBLEM_INTERNAL, "%s has %lld bytes, not %lld",
				d->file.storage_key, (long long)d->size, (long long)d->file.size);
}

static void download_headers(struct request *rq, const struct download *d)
{
	const char *slash = strrchr(d->file.path, '/');
	const char *name = slash ? slash + 1 : d->file.path;
	char digest[DIGEST_HEADER_TEXT];

	digest_header_text(d->file.sha256.data, digest);
	reply_header(rq, "Repr-Digest", arena_dup(rq->arena, digest, strlen(digest)));
	reply_header(rq, "Accept-Ranges", "bytes");
	reply_header(rq, "Content-Type", d->file.media_type);
	reply_header(rq, "X-Content-Type-Options", "nosniff");
	reply_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
	reply_header(rq, "Content-Disposition",
		     arena_printf(rq->arena, "attachment; filename*=UTF-8''%s",
				  percent_text(rq->arena, name, strlen(name), "")));
	reply_header(rq, "Cache-Control", "private, no-cache");
}

/* Ranges are GET's alone. If-Range: it counts only when the bytes are still those. */
static const char *range_wanted(const struct request *rq, const struct download *d)
{
	const char *range = request_header(rq, "Range"), *only = request_header(rq, "If-Range");

	if (rq->method != METHOD_GET)
		return NULL;
	if (!only)
		return range;
	size_t len = strlen(d->tag);
	bool same = strlen(only) == len + 2 && only[0] == '"' && only[len + 1] == '"' &&
		    memcmp(only + 1, d->tag, len) == 0;
	return same ? range : NULL;
}

static void opened(struct request *rq)
{
	struct download *d = rq->state;
	int64_t first = 0, length = d->size;
	unsigned status = 200;

	if (reply_failed(rq, d->problem))
		return;
	switch (range_read(range_wanted(rq, d), d->size, &first, &length)) {
	case RANGE_OUTSIDE:
		reply_header(rq, "Content-Range",
			     arena_printf(rq->arena, "bytes */%lld", (long long)d->size));
		reply_problem(rq, problem(rq->arena, PROBLEM_RANGE, "the artifact has %lld bytes",
					  (long long)d->size));
		return;
	case RANGE_PART:
		status = 206;
		reply_header(rq, "Content-Range",
			     arena_printf(rq->arena, "bytes %lld-%lld/%lld", (long long)first,
					  (long long)(first + length - 1), (long long)d->size));
		break;
	case RANGE_WHOLE:
		break;
	}
	download_headers(rq, d);
	if (rq->method == METHOD_HEAD) {
		reply_head(rq, status, length);
		return;
	}
	counter_add(&rq->loop->metrics.download_bytes, (uint64_t)length);
	int fd = d->fd;
	d->fd = -1;
	reply_fd(rq, status, fd, first, length);
}

static bool found_artifact(struct request *rq, const PGresult *res, struct artifact *f)
{
	const char *outcome;

	return outcome_good(rq, res, &outcome) && version_ref_served(rq, res) &&
	       !reply_failed(rq, artifact_read(rq->arena, res, 0, f));
}

static void show_bytes(struct request *rq, const PGresult *res)
{
	struct download *d = rq->state = arena_alloc(rq->arena, sizeof(*d));
	char *tag = arena_bytes(rq->arena, SHA256_TEXT);

	d->fd = -1;
	arena_defer(rq->arena, close_download, d);
	if (!found_artifact(rq, res, &d->file))
		return;
	if (strcmp(d->file.blob_state, "live") != 0) {
		reply_problem(rq,
			      problem(rq->arena, PROBLEM_GONE,
				      "the stored bytes were found damaged and are not served"));
		return;
	}
	hex_text(tag, d->file.sha256.data, SHA256_BYTES);
	d->tag = tag;
	if (!reply_not_modified(rq, tag))
		request_job(rq, open_bytes, opened);
}

static void ask_artifact(struct request *rq, request_rows_fn *then)
{
	struct args *args = request_args(rq);

	if (reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, request_param(rq, "path"));
	request_read(rq, STATEMENT_ARTIFACTS_GET, then);
}

void artifact_show(struct request *rq)
{
	ask_artifact(rq, show_bytes);
}

/* --- the signature beside it: {path}.minisig --- */

static const char minisig[] = ".minisig";

static void show_signature(struct request *rq, const PGresult *res)
{
	struct artifact f;

	if (!found_artifact(rq, res, &f))
		return;
	reply_header(rq, "Cache-Control", "private, no-cache");
	reply_text(rq, 200, "text/plain; charset=utf-8", f.minisig, strlen(f.minisig));
}

void signature_show(struct request *rq)
{
	const char *path = request_param(rq, "path");
	size_t len = strlen(path), end = sizeof(minisig) - 1;
	struct args *args = request_args(rq);

	if (len <= end || strcmp(path + len - end, minisig) != 0) {
		reply_problem(rq, problem(rq->arena, PROBLEM_NOT_FOUND,
					  "a signature is at the artifact's path with %s behind it",
					  minisig));
		return;
	}
	if (reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, arena_dup(rq->arena, path, len - end));
	request_read(rq, STATEMENT_ARTIFACTS_GET, show_signature);
}

/* --- the list --- */

static void list_artifacts(struct request *rq, const PGresult *res)
{
	struct page *page = rq->state;
	struct json_out j = json_out_new(rq->arena);
	const char *outcome;
	struct artifact f = {0};
	int n = PQntuples(res);

	if (!outcome_good(rq, res, &outcome) || !version_ref_served(rq, res))
		return;
	if (PQgetisnull(res, 0, PQfnumber(res, "path")))
		n = 0; /* the version is there, a file is not */
	page_open(&j);
	for (int i = 0; i < n && i < page->size; i++) {
		if (reply_failed(rq, artifact_read(rq->arena, res, i, &f)))
			return;
		artifact_write(&j, &f);
	}
	struct json_out key = json_out_new(rq->arena);
	jw_array(&key), jw_text(&key, f.path), jw_end_array(&key);
	page_close(rq, &j, n > page->size, jw_done(&key));
}

void artifact_list(struct request *rq)
{
	struct page *page = rq->state = arena_alloc(rq->arena, sizeof(*page));
	struct args *args = request_args(rq);

	if (reply_failed(rq, page_read(rq, page)) || reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, page_after_text(page, 0, ""));
	arg_int8(args, page->size + 1);
	request_read(rq, STATEMENT_ARTIFACTS_LIST, list_artifacts);
}

/* --- DELETE, of a draft's --- */

void artifact_delete(struct request *rq)
{
	struct condition match;
	struct args *args = request_args(rq);

	if (reply_failed(rq, condition_of_change(rq, &match, NULL)) ||
	    reply_failed(rq, version_ref_args(rq)))
		return;
	arg_text(args, request_param(rq, "path"));
	arg_match_digests(args, &match);
	request_args_actor(rq);
	request_write(rq, STATEMENT_ARTIFACTS_DELETE, request_param(rq, "model"), outcome_deleted);
}
