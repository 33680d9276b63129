#include <string.h>
#include <unistd.h>

#include "api/byte_range.h"
#include "api/condition.h"
#include "api/flight.h"
#include "api/loop.h"
#include "api/outcome.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/v1/handlers.h"
#include "api/v1/version_ref.h"
#include "base/text.h"
#include "registry/artifact.h"
#include "sql/row.h"

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
	switch (byte_range_read(range_wanted(rq, d), d->size, &first, &length)) {
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
	if (row_null(res, 0, "path"))
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
	request_write(rq, STATEMENT_ARTIFACTS_DELETE, request_param(rq, "model"), outcome_deleted,
		      outcome_was_deleted);
}
