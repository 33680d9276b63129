#include "api/v1/version_ref.h"

#include <string.h>

#include "api/reply.h"
#include "base/text.h"
#include "registry/reference.h"
#include "sql/row.h"

struct problem version_ref_args(struct request *rq)
{
	const char *text = request_param(rq, "version");
	struct reference ref;

	TRY(reference_read(rq->arena, "version", text, strlen(text), &ref));
	arg_text(&rq->args, request_param(rq, "project"));
	arg_text(&rq->args, request_param(rq, "model"));
	reference_args(&rq->args, &ref);
	return NO_PROBLEM;
}

/* RFC 7234 §5.5: 299 is a warning that stays. The text must be plain ASCII there. */
static void warn(struct request *rq, const char *state, const char *reason)
{
	char *plain = arena_dup(rq->arena, reason ? reason : "", reason ? strlen(reason) : 0);

	for (char *p = plain; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	reply_header(rq, "Warning",
		     arena_printf(rq->arena, "299 hallmark \"this version is %s%s%.300s\"", state,
				  *plain ? ": " : "", plain));
}

bool version_ref_alive(struct request *rq, const char *ref, const char *state, const char *reason)
{
	if (strcmp(state, "discarded") == 0) {
		reply_problem(rq, problem(rq->arena, PROBLEM_GONE,
					  "the version was discarded while it was a draft"));
		return false;
	}
	if (strcmp(state, "yanked") == 0 && *ref == '@') {
		reply_problem(rq, problem(rq->arena, PROBLEM_GONE,
					  "%s points to a version that was yanked: %s", ref,
					  reason ? reason : ""));
		return false;
	}
	return true;
}

bool version_ref_state(struct request *rq, const char *state, const char *reason)
{
	if (!version_ref_alive(rq, request_param(rq, "version"), state, reason))
		return false;
	if (strcmp(state, "yanked") == 0 || strcmp(state, "deprecated") == 0)
		warn(rq, state, reason);
	return true;
}

bool version_ref_served(struct request *rq, const PGresult *res)
{
	int state = row_column(res, "state"), reason = row_column(res, "reason");

	if (state < 0 || PQntuples(res) == 0 || PQgetisnull(res, 0, state))
		return true;
	return version_ref_state(
		rq, PQgetvalue(res, 0, state),
		reason < 0 || PQgetisnull(res, 0, reason) ? NULL : PQgetvalue(res, 0, reason));
}
