#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/http_answer.h"

enum {
	ATTEMPTS = 5,
	ANSWER_SECONDS = 60,
	CONNECT_MS = 10000,
	TEXT_LIMIT = 64 << 20,
	REFUSAL_LIMIT = 1 << 20, /* an unsuccessful answer to a call with a sink */
	PAUSE_MS = 200,
	PAUSE_MAX_MS = 10000,
	RETRY_AFTER_MAX = 120,
	REDIRECTS = 4,
	BUFFER = 256 * 1024,
};

struct http {
	CURL *curl;
	struct http_options options;
	char error[CURL_ERROR_SIZE];
};

/* One attempt at a call. */
struct exchange {
	struct http *http;
	struct arena *arena;
	struct http_call *call;
	char *text;
	size_t len, cap;
	int64_t sent;
	bool begun;   /* the sink has seen its begin() */
	bool refused; /* the sink or the limit ended the transfer */
	bool short_file;
};

struct http *http_new(const struct http_options *options)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h || !digest_prepare() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return NULL;
	}
	h->options = *options;
	h->curl = curl_easy_init();
	if (h->curl)
		return h;
	curl_global_cleanup();
	free(h);
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_global_cleanup();
	free(h);
}

bool http_stopped(const struct http *h)
{
	return h->options.stop && *h->options.stop;
}

/* ---- what curl calls back --------------------------------------------------------- */

static long status_now(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* The text doubles as it grows; what it leaves behind in the arena is less than itself. */
static bool keep(struct exchange *x, const char *bytes, size_t len, size_t limit)
{
	if (len > limit - x->len)
		return false;
	if (x->len + len + 1 > x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 4096;

		while (cap < x->len + len + 1)
			cap *= 2;

		char *wider = arena_bytes(x->arena, cap);

		if (x->len)
			memcpy(wider, x->text, x->len);
		x->text = wider;
		x->cap = cap;
	}
	memcpy(x->text + x->len, bytes, len);
	x->len += len;
	return true;
}

static bool sink_take(struct exchange *x, const char *bytes, size_t len, long status)
{
	const struct http_sink *sink = x->call->sink;

	if (!x->begun && !sink->begin(sink->who, status))
		return false;
	x->begun = true;
	return sink->take(sink->who, bytes, len);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *who)
{
	struct exchange *x = who;
	size_t len = one * n;
	long status = status_now(x->http->curl);
	size_t limit = x->call->limit ? x->call->limit : TEXT_LIMIT;

	if (x->call->sink && http_success(status))
		x->refused = !sink_take(x, bytes, len, status);
	else
		x->refused = !keep(x, bytes, len, x->call->sink ? REFUSAL_LIMIT : limit);
	return x->refused ? 0 : len;
}

static const char *trimmed(struct arena *a, const char *s, size_t len)
{
	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && strchr(" \t\r\n", s[len - 1]))
		len--;
	return arena_dup(a, s, len);
}

static size_t on_header(char *line, size_t one, size_t n, void *who)
{
	struct exchange *x = who;
	size_t len = one * n;
	const char *colon = memchr(line, ':', len);

	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) /* another answer: after 100, a redirect */
		x->call->received = NULL;
	if (!colon)
		return len;

	struct http_header *h = arena_alloc(x->arena, sizeof(*h));

	h->name = arena_dup(x->arena, line, (size_t)(colon - line));
	h->value = trimmed(x->arena, colon + 1, len - (size_t)(colon - line) - 1);
	h->next = x->call->received;
	x->call->received = h;
	return len;
}

static size_t on_send(char *room, size_t one, size_t n, void *who)
{
	struct exchange *x = who;
	const struct http_file *f = x->call->file;
	int64_t left = f->size - x->sent;
	size_t want = one * n;
	ssize_t got;

	if ((int64_t)want > left)
		want = (size_t)left;
	if (want == 0)
		return 0;
	do
		got = pread(f->fd, room, want, x->sent);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		x->short_file = true;
		return CURL_READFUNC_ABORT;
	}
	x->sent += got;
	if (f->sent)
		f->sent(f->who, got);
	return (size_t)got;
}

static int on_seek(void *who, curl_off_t offset, int origin)
{
	struct exchange *x = who;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	if (x->call->file->sent)
		x->call->file->sent(x->call->file->who, offset - x->sent);
	x->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *who, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *x = who;

	(void)a, (void)b, (void)c, (void)d;
	return http_stopped(x->http);
}

/* ---- one attempt ------------------------------------------------------------------ */

static void close_list(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static struct curl_slist *append(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(list, line);

	return longer ? longer : list;
}

static bool names(const char *const *headers, const char *name)
{
	for (const char *const *h = headers; h && *h; h++)
		if (strncasecmp(*h, name, strlen(name)) == 0)
			return true;
	return false;
}

static struct curl_slist *headers_of(const struct http_call *call)
{
	struct curl_slist *list = append(NULL, "Accept: application/json, */*;q=0.5");

	if (call->file && !names(call->headers, "Content-Type:"))
		list = append(list, "Content-Type: application/octet-stream");
	if (!call->file)
		list = append(list,
			      call->body ? "Content-Type: application/json" : "Content-Type:");
	for (const char *const *h = call->headers; h && *h; h++)
		list = append(list, *h);
	return list;
}

static void set_identity(const struct http *h)
{
	const struct http_options *o = &h->options;

	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, o->agent ? o->agent : "hallmark");
	if (o->token) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(h->curl, CURLOPT_XOAUTH2_BEARER, o->token);
	}
	if (o->ca_file)
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, o->ca_file);
}

static void set_limits(const struct http *h)
{
	int seconds = h->options.answer_seconds ? h->options.answer_seconds : ANSWER_SECONDS;

	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(h->curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(h->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, (long)seconds);
	curl_easy_setopt(h->curl, CURLOPT_BUFFERSIZE, (long)BUFFER);
	curl_easy_setopt(h->curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER);
}

static void set_callbacks(struct exchange *x)
{
	CURL *c = x->http->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->http->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
}

static void set_method(struct exchange *x)
{
	const struct http_call *call = x->call;
	CURL *c = x->http->curl;

	if (call->file) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file->size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	} else if (call->body || strcmp(call->method, "POST") == 0) {
		const char *body = call->body ? call->body : "";

		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	}
	if (strcmp(call->method, "HEAD") == 0)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
}

static CURLcode attempt(struct exchange *x)
{
	struct http *h = x->http;
	struct curl_slist *headers __attribute__((cleanup(close_list))) = headers_of(x->call);
	const char *url = arena_printf(x->arena, "%s%s", h->options.origin, x->call->target);

	curl_easy_reset(h->curl); /* the connections stay */
	h->error[0] = '\0';
	x->call->received = NULL;
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	set_identity(h);
	set_limits(h);
	set_callbacks(x);
	set_method(x);

	CURLcode done = curl_easy_perform(h->curl);

	x->call->status = status_now(h->curl);
	if (h->options.trace)
		h->options.trace(x->call->method, url, x->call->status);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	return done;
}

/* ---- again? ----------------------------------------------------------------------- */

static bool idempotent(const char *method)
{
	return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

static bool passing(long status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

/* The bytes of the request have not left: even a POST may be sent again. */
static bool never_sent(CURLcode c)
{
	return c == CURLE_COULDNT_CONNECT || c == CURLE_COULDNT_RESOLVE_HOST ||
	       c == CURLE_COULDNT_RESOLVE_PROXY;
}

static bool worth_again(const struct exchange *x, CURLcode c)
{
	if (x->refused || x->short_file || http_stopped(x->http))
		return false;
	if (c == CURLE_OK)
		return passing(x->call->status) && idempotent(x->call->method);
	if (c == CURLE_PEER_FAILED_VERIFICATION || c == CURLE_SSL_CACERT_BADFILE ||
	    c == CURLE_TOO_MANY_REDIRECTS || c == CURLE_URL_MALFORMAT)
		return false;
	return never_sent(c) || idempotent(x->call->method);
}

static int retry_after(const struct http_call *call)
{
	const char *v = http_received(call, "Retry-After");
	long s = v ? strtol(v, NULL, 10) : 0;

	return s < 0 ? 0 : s > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int)s;
}

static void sleep_ms(const struct http *h, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!http_stopped(h) &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		continue;
}

void http_pause(const struct http *h, int n, int retry_after_seconds)
{
	int64_t most = PAUSE_MS;
	uint32_t dice = 0;

	while (n-- > 1 && most < PAUSE_MAX_MS)
		most *= 2;
	if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice))
		dice = UINT32_MAX / 2;
	sleep_ms(h, retry_after_seconds * INT64_C(1000) + most / 2 +
			    (int64_t)((uint64_t)dice * (uint64_t)most / 2 >> 32));
}

/* ---- a call ----------------------------------------------------------------------- */

static struct problem unanswered(const struct exchange *x, CURLcode c)
{
	const struct http *h = x->http;

	if (http_stopped(h))
		return problem(x->arena, PROBLEM_UNAVAILABLE, "interrupted");
	if (x->short_file)
		return problem(x->arena, PROBLEM_CONFLICT,
			       "the file became shorter while it was sent");
	if (x->refused)
		return problem(x->arena, PROBLEM_TOO_LARGE,
			       "%s answers %s %s with more than can be taken", h->options.origin,
			       x->call->method, x->call->target);
	return problem(x->arena, PROBLEM_UNAVAILABLE, "%s does not answer: %s", h->options.origin,
		       h->error[0] ? h->error : curl_easy_strerror(c));
}

static struct exchange begin(struct http *h, struct arena *a, struct http_call *call)
{
	return (struct exchange){.http = h, .arena = a, .call = call};
}

struct problem http_do(struct http *h, struct arena *a, struct http_call *call)
{
	int attempts = call->attempts ? call->attempts : h->options.attempts;
	struct exchange x;
	CURLcode c;

	for (int n = 1;; n++) {
		x = begin(h, a, call);
		c = attempt(&x);
		if (n >= (attempts ? attempts : ATTEMPTS) || !worth_again(&x, c))
			break;
		if (call->file && call->file->sent)
			call->file->sent(call->file->who, -x.sent);
		http_pause(h, n, retry_after(call));
	}
	if (c != CURLE_OK)
		return unanswered(&x, c);
	if (call->sink && http_success(call->status) && !x.begun &&
	    !call->sink->begin(call->sink->who, call->status))
		return unanswered(&x, c);
	call->text = "";
	call->len = x.len;
	if (x.len) {
		x.text[x.len] = '\0';
		call->text = x.text;
	}
	return NO_PROBLEM;
}
