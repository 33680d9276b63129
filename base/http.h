/* http.h - an HTTP client for programs that wait for their answers: the command
 * line and the promoter. On libcurl's easy interface.
 *
 * A struct http belongs to one thread and keeps its connections open between
 * calls; work in parallel is done by threads with a client each. The bearer
 * token goes to the origin alone: a redirect to another host does not carry it.
 *
 * http_do() tries again by itself, with growing pauses and jitter, when the
 * connection fails or the server says 429, 502, 503 or 504. Retry-After wins over the
 * pause. A method that is not idempotent is only tried again when its request
 * was never sent.
 */
#ifndef HALLMARK_BASE_HTTP_H
#define HALLMARK_BASE_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"

struct http;

struct http_options {
	const char *origin;     /* as origin_read() (base/origin.h) makes it */
	const char *token;      /* NULL: none is sent */
	const char *agent;      /* User-Agent */
	const char *ca_file;    /* PEM; NULL: the certificates of the system */
	int attempts;           /* of one call in all; 0: five */
	int answer_seconds;     /* a call that moves no byte for so long is given up; 0: 60 */
	const atomic_int *stop; /* not NULL and not 0: calls end at once */
	/* NULL, or told of every attempt: for --verbose. No header, so no token, is shown. */
	void (*trace)(const char *method, const char *url, long status);
};

struct http *http_new(const struct http_options *options); /* NULL: out of memory */
void http_free(struct http *h);

/* A body that is read from a file, always from offset 0 on. */
struct http_file {
	int fd;
	int64_t size;
	void (*sent)(void *who,
		     int64_t bytes); /* bytes more, negative when starting over; or NULL */
	void *who;
};

/* Takes the bytes of a successful answer instead of memory. */
struct http_sink {
	/* Called before the first byte, again when a later attempt starts over. status is 2xx.
	 * False refuses the answer; the sink knows why. */
	bool (*begin)(void *who, long status);
	bool (*take)(void *who, const void *bytes, size_t len);
	void *who;
};

struct http_header {
	const struct http_header *next;
	const char *name, *value;
};

struct http_call {
	const char *method;
	const char *target;           /* "/api/v1/…": percent-encoded already */
	const char *const *headers;   /* "If-Match: *", …, NULL; or NULL */
	const char *body;             /* with Content-Type application/json, or NULL */
	const struct http_file *file; /* instead of body */
	const struct http_sink *sink; /* NULL: the answer's body is kept in text */
	size_t limit;                 /* of text; 0: 64 MiB */
	int attempts;                 /* 0: the client's */

	long status;      /* the answer; an unsuccessful one is kept in text even with a sink */
	const char *text; /* NUL-terminated; "" when empty */
	size_t len;
	const struct http_header *received; /* of the last answer, in reverse order */
};

/* NO_PROBLEM means that an answer came, whatever it says; see base/http_answer.h.
 * UNAVAILABLE: none came, or the client was told to stop (http_stopped()). What
 * the call receives lives in a. */
MUST_CHECK struct problem http_do(struct http *h, struct arena *a, struct http_call *call);

bool http_stopped(const struct http *h);

/* Waits as http_do() does before its attempt number n (1 is the second). */
void http_pause(const struct http *h, int n, int retry_after_seconds);

#endif
