#include "api/admit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/accept.h"
#include "api/loop.h"
#include "base/quote.h"

/* RFC 9110 §5.6.2: the characters of a token. */
static bool token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!token_char((unsigned char)s[i]))
			return false;
	return len > 0;
}

static bool is_value(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool separates(char c)
{
	return c == '\0' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Does `to` follow, with nothing between but what may stand between a name and its value? */
static bool right_behind(const char *from, const char *to)
{
	while (from < to && separates(*from))
		from++;
	return from == to;
}

/* libmicrohttpd reads a head where it lies and ends names and values by writing a NUL behind them.
 * The text of a folded line it puts at the end of the field's name, which it moves away for that;
 * a value that holds a NUL goes on behind its end, where after a bare LF the next field stands,
 * which to others is still this value. None of it can be seen in the texts themselves. */
static bool folded(const char *key, size_t key_len, const char *value)
{
	return !right_behind(key + key_len, value);
}

static bool cut_short(const char *value, size_t value_len)
{
	return !right_behind(value + value_len, value + value_len + 2);
}

/* A field without a name ends the head for libmicrohttpd, and the fields behind it would run as
 * the next request. Behind the last value it leaves more than the two line ends that have to be
 * there, and a bare LF leaves less. Where the nameless field has a bare LF on one side the two
 * make up for each other, and nobody can tell; admit.h says why that is harmless. */
static bool ends_otherwise(struct request *rq, const char *method, const char *version,
			   const struct head *h)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(rq->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *last = h->last ? h->last : version + strlen(version);
	const char *end = method + info->header_size;
	enum { TWO_LINE_ENDS = 4 };
	int ends = 0;

	for (const char *p = last; p < end; p++)
		ends += *p == '\0';
	return !right_behind(last, end) || ends != TWO_LINE_ENDS;
}

static bool named(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(key, name, len) == 0;
}

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
			    const char *value, size_t value_len)
{
	struct head *h = cls;

	(void)kind;
	h->bad_name |= !is_token(key, key_len);
	h->bad_value |= value && !is_value(value, value_len);
	h->cut_short |= value && cut_short(value, value_len);
	h->folded |= value && folded(key, key_len, value);
	if (value && value + value_len > h->last)
		h->last = value + value_len;
	if (named(key, key_len, "Host"))
		h->hosts++, h->host = value;
	else if (named(key, key_len, "Content-Length"))
		h->lengths++, h->length = value;
	else if (named(key, key_len, "Transfer-Encoding"))
		h->codings++, h->coding = value;
	else if (named(key, key_len, "Expect"))
		h->expect = value;
	else if (named(key, key_len, "Authorization"))
		h->authorizations++;
	else if (named(key, key_len, "traceparent"))
		h->traceparent = h->parents++ ? NULL : value;
	else if (named(key, key_len, "Accept"))
		h->accepts = true;
	return MHD_YES;
}

/* RFC 9110 §7.2: a name or an address, then perhaps a port, as RFC 3986 §3.2 writes them; empty
 * where there is nothing to name. */
static bool is_host(const char *s)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~%!$&'()*+,;=";
	const bool literal = *s == '[';

	s += literal ? 1 + strspn(s + 1, "0123456789abcdefABCDEFvV.:") : strspn(s, name);
	if (literal && *s++ != ']')
		return false;
	if (*s == ':')
		s += 1 + strspn(s + 1, "0123456789");
	return s[strspn(s, " \t")] == '\0';
}

/* "name", "name:port" or "[v6]:port" against a list of names. A page elsewhere that had
 * its name rebound to our address still sends its own. */
static bool host_known(const char *hosts, const char *host)
{
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	for (const char *h = hosts; *h; h += strspn(h, ", ")) {
		size_t n = strcspn(h, ", ");

		if (n == len && strncasecmp(h, host, len) == 0)
			return true;
		h += n;
	}
	return false;
}

static bool digits(const char *s)
{
	return s && *s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 18;
}

static struct problem framing(struct request *rq, const char *version, struct head *h)
{
	struct arena *a = rq->arena;

	if (h->lengths > 1 || h->codings > 1 || (h->lengths && h->codings))
		return problem(a, PROBLEM_BAD_FRAME,
			       "send one Content-Length or one Transfer-Encoding, not more");
	if (h->codings && strcmp(version, "HTTP/1.1") != 0)
		return problem(a, PROBLEM_BAD_FRAME, "only HTTP/1.1 has Transfer-Encoding");
	if (h->codings && strcasecmp(h->coding, "chunked") != 0)
		return problem(a, PROBLEM_NOT_IMPLEMENTED,
			       "the only transfer coding understood here is chunked");
	if (h->lengths && !digits(h->length))
		return problem(a, PROBLEM_BAD_FRAME, "Content-Length must be a number of bytes");
	h->chunked = h->codings > 0;
	h->content_length = h->lengths ? strtoll(h->length, NULL, 10) : -1;
	return NO_PROBLEM;
}

struct problem admit_head(struct request *rq, const char *method, const char *version,
			  struct head *head)
{
	struct arena *a = rq->arena;

	*head = (struct head){.content_length = -1};
	MHD_get_connection_values_n(rq->conn, MHD_HEADER_KIND, look, head);
	if (!is_token(method, strlen(method)))
		return problem(a, PROBLEM_BAD_FRAME, "the method is not a token");
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return problem(a, PROBLEM_BAD_FRAME, "only HTTP/1.1 and HTTP/1.0 are served");
	if (head->folded)
		return problem(a, PROBLEM_BAD_FRAME, "a header goes on in another line");
	if (head->cut_short)
		return problem(a, PROBLEM_BAD_FRAME,
			       "a header's value holds a NUL, or its line ends without a CR");
	if (head->bad_name)
		return problem(a, PROBLEM_BAD_FRAME, "a header's name is not a token");
	if (ends_otherwise(rq, method, version, head))
		return problem(a, PROBLEM_BAD_FRAME,
			       "a header has no name, or the head's end lacks a CR");
	if (head->bad_value)
		return problem(a, PROBLEM_BAD_FRAME, "a header's value holds a control character");
	if (head->hosts > 1 || (head->hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
		return problem(a, PROBLEM_BAD_FRAME, "send exactly one Host header");
	if (head->host && !is_host(head->host))
		return problem(a, PROBLEM_BAD_FRAME,
			       "Host must be a name or an address, and perhaps a port");
	if (head->authorizations > 1)
		return problem(a, PROBLEM_BAD_FRAME, "send one Authorization header, not more");
	TRY(framing(rq, version, head));
	const char *hosts = rq->loop->service->options.hosts;
	if (hosts && (!head->host || !host_known(hosts, head->host)))
		return problem(a, PROBLEM_MISDIRECTED, "Host must be one of: %s", hosts);
	if (head->expect && strcasecmp(head->expect, "100-continue") != 0)
		return problem(a, PROBLEM_EXPECTATION, "Expect: %s",
			       quote(a, head->expect, strlen(head->expect)));
	return NO_PROBLEM;
}

/* --- against the route's row --- */

static struct problem admit_query(struct request *rq)
{
	for (int i = 0; i < rq->target.nquery; i++) {
		const char *name = rq->target.query[i].name.text;
		const char *const *known = rq->route->query;
		bool repeats = false;

		for (; *known; known++) {
			size_t len = strcspn(*known, "*");

			repeats = (*known)[len] == '*';
			if (strlen(name) == len && strncmp(name, *known, len) == 0)
				break;
		}
		if (!*known)
			return problem_at_parameter(rq->arena, name,
						    "there is no query parameter %s here",
						    quote(rq->arena, name, strlen(name)));
		for (int k = 0; !repeats && k < i; k++)
			if (strcmp(rq->target.query[k].name.text, name) == 0)
				return problem_at_parameter(rq->arena, name, "%s is given twice",
							    quote(rq->arena, name, strlen(name)));
	}
	return NO_PROBLEM;
}

/* "application/json; charset=utf-8" is application/json. */
static bool media_type_is(const char *value, const char *type)
{
	size_t len = strlen(type);

	return strncasecmp(value, type, len) == 0 &&
	       (value[len] == '\0' || value[len] == ';' || value[len] == ' ');
}

static struct problem admit_json(struct request *rq)
{
	const char *type = request_header(rq, "Content-Type");
	bool merges = rq->route->method == METHOD_PATCH;

	if (type && (media_type_is(type, "application/json") ||
		     (merges && media_type_is(type, "application/merge-patch+json"))))
		return NO_PROBLEM;
	return problem(rq->arena, PROBLEM_UNSUPPORTED_TYPE, "send the body as Content-Type: %s",
		       merges ? "application/merge-patch+json" : "application/json");
}

static int64_t body_limit(const struct request *rq)
{
	const struct service_options *o = &rq->loop->service->options;

	if (rq->route->body == BODY_STREAM)
		return o->max_upload;
	return rq->route->max_body ? (int64_t)rq->route->max_body : o->max_body;
}

static struct problem admit_body(struct request *rq, const struct head *h)
{
	bool has_body = h->chunked || h->content_length > 0;

	if (rq->route->body == BODY_NONE && has_body)
		return problem(rq->arena, PROBLEM_INVALID, "%s takes no body here",
			       method_names[rq->route->method]);
	if (rq->route->body == BODY_NONE)
		return NO_PROBLEM;
	if (h->content_length > body_limit(rq))
		return problem(rq->arena, PROBLEM_TOO_LARGE,
			       "the body has %lld bytes, at most %lld are taken here",
			       (long long)h->content_length, (long long)body_limit(rq));
	if (request_header(rq, "Content-Encoding"))
		return problem(rq->arena, PROBLEM_UNSUPPORTED_TYPE,
			       "send the body without Content-Encoding");
	if (rq->route->body == BODY_STREAM && !h->chunked && h->content_length < 0)
		return problem(rq->arena, PROBLEM_LENGTH_REQUIRED,
			       "send Content-Length, or Transfer-Encoding: chunked");
	return rq->route->body == BODY_JSON && has_body ? admit_json(rq) : NO_PROBLEM;
}

static enum MHD_Result look_accept(void *cls, enum MHD_ValueKind kind, const char *key,
				   size_t key_len, const char *value, size_t value_len)
{
	(void)kind, (void)value_len;
	if (value && named(key, key_len, "Accept"))
		accept_line(cls, value);
	return MHD_YES;
}

static struct problem admit_accept(struct request *rq, const struct head *h)
{
	const char *const *types = rq->route->media;
	struct accept accept;

	if (!types)
		return NO_PROBLEM;
	accept_begin(&accept, types);
	if (h->accepts)
		MHD_get_connection_values_n(rq->conn, MHD_HEADER_KIND, look_accept, &accept);
	rq->media = accept_choice(&accept);
	if (rq->media)
		return NO_PROBLEM;
	const char *served = types[0];
	while (*++types)
		served = arena_printf(rq->arena, "%s or %s", served, *types);
	return problem(rq->arena, PROBLEM_NOT_ACCEPTABLE, "this is served as %s", served);
}

struct problem admit_route(struct request *rq, const struct head *head)
{
	TRY(admit_query(rq));
	TRY(admit_body(rq, head));
	return admit_accept(rq, head);
}
