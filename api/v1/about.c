#include <string.h>

#include "api/openapi.h"
#include "api/reply.h"
#include "api/v1/handlers.h"

/* GET /openapi.json: api/openapi.yaml as it was when the service was built. */
void openapi_show(struct request *rq)
{
	reply_header(rq, "Cache-Control", "no-cache");
	reply_text(rq, 200, "application/json", openapi_json, openapi_json_len);
}

/* What led there, and what helps: for the person who follows a problem's "type". */
static const char *const advice[PROBLEM_COUNT] = {
	[PROBLEM_INVALID] = "Something in the path, the query, a header or the body is not as "
			    "described in /openapi.json. \"errors\" names each fault and where it "
			    "lies; mend all of them and send the request again.",
	[PROBLEM_DIGEST_MISMATCH] = "The bytes that arrived, or a signature over them, do not fit "
				    "the announced digest; nothing was stored. Compute the digest "
				    "of the file again and upload it again.",
	[PROBLEM_BAD_FRAME] =
		"The message could be read in two ways by two servers, so it is "
		"refused: two lengths, two hosts, a bare control character. It is "
		"the client's HTTP library, or a proxy between, that has to be mended.",
	[PROBLEM_BAD_PAGE_TOKEN] = "A page token is good for a day and for the list that gave it, "
				   "with the same filters and order. Start from the first page.",
	[PROBLEM_UNAUTHENTICATED] = "The token is missing, mistyped, expired or revoked. Send "
				    "Authorization: Bearer and a token that hallmarkd token create "
				    "printed.",
	[PROBLEM_FORBIDDEN] = "The token is known, and its roles in this project do not allow the "
			      "request. Ask an admin for a token with the role that it needs.",
	[PROBLEM_NOT_FOUND] = "There is nothing of this name, or it lies in a project in which the "
			      "token has no role. Check the spelling; ranges and latest see "
			      "published versions alone.",
	[PROBLEM_METHOD_NOT_ALLOWED] = "The Allow header lists what this path knows.",
	[PROBLEM_NOT_ACCEPTABLE] = "None of the media types in Accept is served here. Leave Accept "
				   "out, or allow */*.",
	[PROBLEM_TIMEOUT] = "Headers or body came more slowly than the service waits for. Try "
			    "again over a better connection.",
	[PROBLEM_CONFLICT] =
		"What is stored does not go with the request: a name or version that "
		"is taken, a state that does not allow the step. \"detail\" says which; "
		"look at the resource, then decide.",
	[PROBLEM_IMMUTABLE] = "Files, params and lineage of a published version stay as they were "
			      "signed. Make a new version.",
	[PROBLEM_NOT_PUBLISHABLE] = "\"errors\" lists the files that are missing, damaged or not "
				    "signed. Upload those again, then publish.",
	[PROBLEM_GONE] = "The draft was discarded, the version was yanked and an alias still leads "
			 "to it, or the stored bytes were found damaged. Choose another version.",
	[PROBLEM_LENGTH_REQUIRED] = "Send Content-Length, or the body with Transfer-Encoding: "
				    "chunked; a file of no bytes has Content-Length: 0.",
	[PROBLEM_PRECONDITION_FAILED] =
		"Somebody else changed it since it was read, or it is there "
		"although If-None-Match: * asked for none. GET it, look at "
		"what changed, and send the new ETag in If-Match.",
	[PROBLEM_TOO_LARGE] = "The body is larger than the service takes. Its administrator may "
			      "raise max_upload for files, or max_body for everything else.",
	[PROBLEM_URI_TOO_LONG] =
		"The path and query have more than 16 KiB. Ask with fewer filters.",
	[PROBLEM_UNSUPPORTED_TYPE] = "Send JSON as Content-Type: application/json (for PATCH also "
				     "application/merge-patch+json), without Content-Encoding.",
	[PROBLEM_RANGE] = "The file is shorter than the first byte of the range. Content-Range has "
			  "its size.",
	[PROBLEM_EXPECTATION] = "Leave Expect out, or send Expect: 100-continue.",
	[PROBLEM_MISDIRECTED] = "The Host header names none of the hosts in allowed_hosts. Use the "
				"registry's own name, or have its administrator add this one.",
	[PROBLEM_PRECONDITION_REQUIRED] = "Send If-Match with the ETag that GET gave, so that "
					  "nobody's change is lost, or If-Match: * to change "
					  "whatever is there.",
	[PROBLEM_LEGAL] = "The bytes had to be removed. Their digests and signatures stay on "
			  "record.",
	[PROBLEM_INTERNAL] = "This is a fault of the service. Give its administrator the request's "
			     "id, under which the log says more.",
	[PROBLEM_NOT_IMPLEMENTED] = "Send the body with Content-Length, or with "
				    "Transfer-Encoding: chunked.",
	[PROBLEM_BUSY] = "Too much is being asked at once, or others are changing the same thing. "
			 "Wait as long as Retry-After says and try again.",
	[PROBLEM_UNAVAILABLE] = "The database, the store or the signer does not answer. Try again "
				"soon; /readyz says when.",
	[PROBLEM_OUTCOME_UNKNOWN] =
		"The connection to the database broke while the change was on its way, and the "
		"service could not find out in time what became of it: it may be done or not, as "
		"the detail says. GET the resource before trying again. With no X-Request-Id nor "
		"traceparent of its own a request is rarely told this.",
	[PROBLEM_NO_SPACE] = "The disk that holds the files is full. The service's administrator "
			     "has to make room.",
};

static void write_kind(struct json_out *j, enum problem_code code)
{
	const struct problem_kind *k = &problem_kinds[code];

	jw_object(j);
	jw_key(j, "type"), jw_text(j, arena_printf(j->arena, "/problems/%s", k->type));
	jw_key(j, "title"), jw_text(j, k->title);
	jw_key(j, "status"), jw_int(j, k->status);
	jw_key(j, "advice"), jw_text(j, advice[code]);
	jw_end_object(j);
}

/* GET /problems/{type}: where the "type" of a problem leads. */
void problem_show(struct request *rq)
{
	const char *type = request_param(rq, "type");

	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
		if (strcmp(problem_kinds[i].type, type) != 0)
			continue;
		struct json_out j = json_out_new(rq->arena);

		write_kind(&j, i);
		reply_json(rq, 200, &j);
		return;
	}
	reply_problem(rq, problem(rq->arena, PROBLEM_NOT_FOUND, "there is no such problem type"));
}

/* GET /problems: all of them. */
void problem_list(struct request *rq)
{
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
		write_kind(&j, i);
	jw_end_array(&j);
	jw_end_object(&j);
	reply_json(rq, 200, &j);
}
