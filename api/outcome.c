#include "api/outcome.h"

#include <string.h>

#include "api/flight.h"
#include "api/loop.h"
#include "api/reply.h"
#include "base/text.h"
#include "sql/row.h"

static const struct {
	const char *word;
	enum problem_code code;
	const char *detail;
} refusals[] = {
	{"no_project", PROBLEM_NOT_FOUND, "there is no such project"},
	{"no_model", PROBLEM_NOT_FOUND, "the project has no model of this name"},
	{"no_version", PROBLEM_NOT_FOUND, "the model has no version that this reference names"},
	{"no_artifact", PROBLEM_NOT_FOUND, "the version has no artifact at this path"},
	{"no_alias", PROBLEM_NOT_FOUND, "the model has no alias of this name"},
	{"exists", PROBLEM_PRECONDITION_FAILED,
	 "there is one already, and If-None-Match asked for none"},
	{"name_taken", PROBLEM_CONFLICT, "another model of the project has this name"},
	{"stale", PROBLEM_PRECONDITION_FAILED,
	 "it is not what If-Match names any more: GET it again and send its new ETag"},
	{"precondition_required", PROBLEM_PRECONDITION_REQUIRED,
	 "send If-Match with the ETag of what you mean to change"},
	{"not_draft", PROBLEM_IMMUTABLE, "only a draft can be changed; make a new version"},
	{"not_published", PROBLEM_CONFLICT, "the version is a draft; publish it first"},
	{"discarded", PROBLEM_GONE, "the version was discarded while it was a draft"},
	{"yanked", PROBLEM_CONFLICT, "the version was yanked, and that is final"},
	{"has_versions", PROBLEM_CONFLICT,
	 "the model has versions that are neither yanked nor discarded; deal with those first"},
	{"path_conflict", PROBLEM_CONFLICT,
	 "the path would be the folder of another artifact, or lie under one"},
	{"too_many_files", PROBLEM_CONFLICT, "a version has at most 100,000 artifacts"},
	{"too_many_tags", PROBLEM_INVALID, "there are at most 100 tags"},
	{"too_long", PROBLEM_INVALID, "the next version would be longer than 255 bytes"},
	{"key_inactive", PROBLEM_BUSY, "the signing key was just changed; try again"},
	{"empty", PROBLEM_NOT_PUBLISHABLE, "the version has no artifacts"},
	{"changed", PROBLEM_BUSY, "the version changed while it was being published; try again"},
	{"blob_not_live", PROBLEM_NOT_PUBLISHABLE,
	 "the bytes of an artifact were found damaged; upload it again"},
};

struct problem outcome_read(struct request *rq, const PGresult *res, const char **outcome)
{
	*outcome = "";
	if (PQntuples(res) == 0 || PQnfields(res) == 0 || strcmp(PQfname(res, 0), "outcome") != 0 ||
	    PQgetisnull(res, 0, 0))
		return problem(rq->arena, PROBLEM_INTERNAL, "the statement gave no outcome");
	*outcome = PQgetvalue(res, 0, 0);
	return NO_PROBLEM;
}

/* --- a model that has another name now --- */

/* /api/v1/projects/{project}/models/{model}…: the model is the sixth segment. */
enum { MODEL_SEGMENT = 6 };

static void moved_to(struct request *rq, const PGresult *res)
{
	const char *p = rq->target.raw, *outcome;
	const int column = row_column(res, "name");

	if (reply_failed(rq, outcome_read(rq, res, &outcome)))
		return;
	if (column < 0 || PQgetisnull(res, 0, column)) {
		outcome_refused(rq, outcome);
		return;
	}
	for (int i = 0; i < MODEL_SEGMENT; i++)
		p = strchr(p, '/') + 1;
	const char *name = PQgetvalue(res, 0, column);
	reply_header(rq, "Location",
		     arena_printf(rq->arena, "%.*s%s%s", (int)(p - rq->target.raw), rq->target.raw,
				  percent_text(rq->arena, name, strlen(name), ""),
				  p + strcspn(p, "/?")));
	reply_empty(rq, 308);
}

void outcome_no_model(struct request *rq)
{
	struct args *args = request_args(rq);

	arg_text(args, request_param(rq, "project"));
	arg_text(args, request_param(rq, "model"));
	request_read(rq, STATEMENT_MODELS_FORMER, moved_to);
}

bool outcome_refused(struct request *rq, const char *outcome)
{
	if (strcmp(outcome, "moved") == 0) {
		outcome_no_model(rq);
		return true;
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strcmp(refusals[i].word, outcome) != 0)
			continue;
		reply_problem(rq, problem(rq->arena, refusals[i].code, "%s", refusals[i].detail));
		return true;
	}
	return false;
}

bool outcome_good(struct request *rq, const PGresult *res, const char **outcome)
{
	return !reply_failed(rq, outcome_read(rq, res, outcome)) && !outcome_refused(rq, *outcome);
}

void outcome_deleted(struct request *rq, const PGresult *res)
{
	const char *outcome;

	if (outcome_good(rq, res, &outcome))
		outcome_was_deleted(rq);
}

void outcome_was_deleted(struct request *rq)
{
	ticker_wake(&rq->loop->ticker);
	reply_empty(rq, 204);
}

bool outcome_is_created(const struct request *rq, const char *outcome)
{
	const char *word = rq->made ? strchr(rq->made, '.') : NULL;

	return strcmp(word ? word + 1 : outcome, "created") == 0;
}
