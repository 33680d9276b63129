/* problem.h - why something failed: a code for programs, a line for people.
 *
 * Every fallible function below HTTP returns one struct problem. The table
 * below is the one place where a code gets its HTTP status, its type (the last
 * segment of the RFC 9457 "type" URI, /problems/<type>) and its title; replies,
 * docs and the docs test read it.
 *
 * detail and errors live in the arena of whoever made the problem.
 */
#ifndef HALLMARK_BASE_PROBLEM_H
#define HALLMARK_BASE_PROBLEM_H

#include "base/arena.h"

/*   code                    status type                      title */
#define PROBLEM_TABLE(X)                                                                           \
	X(NONE, 200, "none", "No problem")                                                         \
	X(INVALID, 400, "invalid-request", "The request is not valid")                             \
	X(DIGEST_MISMATCH, 400, "digest-mismatch", "The bytes do not have the announced digest")   \
	X(BAD_FRAME, 400, "bad-frame", "The HTTP message is malformed")                            \
	X(BAD_PAGE_TOKEN, 400, "bad-page-token", "The page token is not valid here")               \
	X(UNAUTHENTICATED, 401, "unauthenticated", "A valid access token is required")             \
	X(FORBIDDEN, 403, "forbidden", "The access token does not allow this")                     \
	X(NOT_FOUND, 404, "not-found", "There is no such resource")                                \
	X(METHOD_NOT_ALLOWED, 405, "method-not-allowed", "The resource has no such method")        \
	X(NOT_ACCEPTABLE, 406, "not-acceptable", "The resource has no such representation")        \
	X(TIMEOUT, 408, "request-timeout", "The request came too slowly")                          \
	X(CONFLICT, 409, "conflict", "The request conflicts with what is stored")                  \
	X(IMMUTABLE, 409, "immutable", "A published version does not change")                      \
	X(NOT_PUBLISHABLE, 409, "not-publishable", "The version cannot be published yet")          \
	X(GONE, 410, "gone", "The resource is gone")                                               \
	X(LENGTH_REQUIRED, 411, "length-required", "The request does not say its length")          \
	X(PRECONDITION_FAILED, 412, "precondition-failed", "The resource has changed meanwhile")   \
	X(TOO_LARGE, 413, "too-large", "The request body is too large")                            \
	X(URI_TOO_LONG, 414, "uri-too-long", "The request target is too long")                     \
	X(UNSUPPORTED_TYPE, 415, "unsupported-media-type", "The body's media type is not served")  \
	X(RANGE, 416, "range-not-satisfiable", "The range lies outside the artifact")              \
	X(EXPECTATION, 417, "expectation-failed", "Only Expect: 100-continue is understood")       \
	X(MISDIRECTED, 421, "misdirected", "This service does not answer for that host")           \
	X(PRECONDITION_REQUIRED, 428, "precondition-required", "This change needs If-Match")       \
	X(LEGAL, 451, "unavailable-for-legal-reasons", "The bytes were removed for legal cause")   \
	X(INTERNAL, 500, "internal", "Something went wrong on our side")                           \
	X(NOT_IMPLEMENTED, 501, "not-implemented", "The transfer coding is not understood")        \
	X(BUSY, 503, "busy", "The service cannot take this right now")                             \
	X(UNAVAILABLE, 503, "unavailable", "A part the service stands on is away")                 \
	X(OUTCOME_UNKNOWN, 503, "outcome-unknown", "The database went away during the change")     \
	X(NO_SPACE, 507, "insufficient-storage", "There is no room left for the bytes")

enum problem_code {
#define X(code, status, type, title) PROBLEM_##code,
	PROBLEM_TABLE(X)
#undef X
		PROBLEM_COUNT
};

struct problem_kind {
	unsigned status;
	const char *type;
	const char *title;
};
extern const struct problem_kind problem_kinds[PROBLEM_COUNT];

/* One of several things wrong with a request. Where it lies is said as a JSON
 * pointer into the body ("/metrics/0/value"), or the name of a query parameter
 * or header; the other two are NULL. */
struct problem_error {
	const struct problem_error *next;
	const char *pointer;
	const char *parameter;
	const char *header;
	const char *detail;
};

struct problem {
	enum problem_code code;
	const char *detail;
	const struct problem_error *errors; /* NULL, or the single faults, first one first */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define NO_PROBLEM ((struct problem){.code = PROBLEM_NONE})

/* Reads as a sentence at the return: return problem(a, PROBLEM_CONFLICT, "…"); */
struct problem problem(struct arena *a, enum problem_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* INVALID with one error that says where it lies; detail is the error's. */
struct problem problem_at_pointer(struct arena *a, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct problem problem_at_parameter(struct arena *a, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct problem problem_at_header(struct arena *a, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same where a rule serves bodies, parameters and the command line alike: where is
 * a JSON pointer ("" or "/…"), else a parameter's name; NULL names no place. */
struct problem problem_at(struct arena *a, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Hand a callee's problem on unchanged. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		struct problem p_ = (call);                                                        \
		if (p_.code != PROBLEM_NONE)                                                       \
			return p_;                                                                 \
	} while (0)

#endif
