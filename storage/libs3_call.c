#include "storage/libs3_call.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/timestamp.h"

/* ---- loading ---------------------------------------------------------------------- */

static const char library_name[] = "libs3.so.2";

static pthread_once_t loading = PTHREAD_ONCE_INIT;
static struct libs3 library;
static char load_error[256]; /* "" when all went well */

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define X(name) {"S3_" #name, offsetof(struct libs3, name)},
	LIBS3_FUNCTIONS(X)
#undef X
};

/* POSIX has dlsym() give functions as void *, which ISO C cannot convert: the bytes
 * are copied. */
static bool find_functions(void *handle)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *found = dlsym(handle, functions[i].name);

		if (!found)
			return false;
		memcpy((char *)&library + functions[i].offset, &found, sizeof(found));
	}
	return true;
}

/* Never unloaded: its libcurl and GnuTLS leave threads' keys behind. */
static void load(void)
{
	void *handle = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);

	if (!handle || !find_functions(handle)) {
		const char *why = dlerror();

		snprintf(load_error, sizeof(load_error), "%s", why ? why : "unknown");
		return;
	}
	const S3Status status = library.initialize("hallmarkd", S3_INIT_ALL, NULL);
	if (status != S3StatusOK)
		snprintf(load_error, sizeof(load_error), "it does not start: %s",
			 library.get_status_name(status));
}

struct problem libs3_load(struct arena *a, const struct libs3 **out)
{
	pthread_once(&loading, load);
	if (*load_error)
		return problem(a, PROBLEM_INVALID,
			       "libs3 2.0 cannot be loaded (%s). Install it (Debian: libs3-2), or "
			       "keep artifacts in a folder",
			       load_error);
	*out = &library;
	return NO_PROBLEM;
}

/* ---- what a status means ---------------------------------------------------------- */

static const char away[] = "the artifact store does not answer";
static const char forbidden[] = "the service is not allowed to use the artifact store";
static const char refused[] = "the artifact store refuses the request";
static const char damaged[] = "the bytes were damaged on their way to the artifact store";

struct meaning {
	S3Status status;
	enum problem_code code;
	bool passes; /* another attempt may go better */
	const char *detail;
};

/* InternalError is also what libs3 makes of connections that break, and the two Unknown
 * are 5xx answers whose code it has never heard of, such as ServiceUnavailable. */
static const struct meaning meanings[] = {
	{S3StatusOutOfMemory, PROBLEM_BUSY, false, "there is not enough memory at the moment"},
	{S3StatusInternalError, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusInterrupted, PROBLEM_UNAVAILABLE, true, away}, /* by our own limit of silence */
	{S3StatusNameLookupError, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusFailedToConnect, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusConnectionFailed, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusXmlParseFailure, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorInternalError, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorOperationAborted, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorRequestTimeout, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorIncompleteBody, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorSlowDown, PROBLEM_UNAVAILABLE, true, "the artifact store is overloaded"},
	{S3StatusErrorUnknown, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusHttpErrorUnknown, PROBLEM_UNAVAILABLE, true, away},
	{S3StatusErrorBadDigest, PROBLEM_UNAVAILABLE, true, damaged},
	{S3StatusErrorNoSuchKey, PROBLEM_NOT_FOUND, false, "the artifact store has no such bytes"},
	{S3StatusHttpErrorNotFound, PROBLEM_NOT_FOUND, false,
	 "the artifact store has no such bytes"},
	{S3StatusErrorEntityTooLarge, PROBLEM_TOO_LARGE, false,
	 "the artifact store does not take a file of this size"},
	{S3StatusErrorNoSuchBucket, PROBLEM_INTERNAL, false,
	 "the artifact store's bucket does not exist"},
	{S3StatusErrorRequestTimeTooSkewed, PROBLEM_INTERNAL, false,
	 "the clocks of the service and of the artifact store differ too much"},
	{S3StatusErrorAccessDenied, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusErrorAccountProblem, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusErrorExpiredToken, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusErrorInvalidAccessKeyId, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusErrorInvalidSecurity, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusErrorSignatureDoesNotMatch, PROBLEM_INTERNAL, false, forbidden},
	{S3StatusHttpErrorForbidden, PROBLEM_INTERNAL, false, forbidden},
};

static const struct meaning *meaning_of(S3Status status)
{
	static const struct meaning other = {S3StatusOK, PROBLEM_INTERNAL, false, refused};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].status == status)
			return &meanings[i];
	return &other;
}

static void say(enum log_level level, const char *msg, const struct libs3_call *c, int attempt)
{
	log_line(level, msg, LOG_TEXT("what", c->what), LOG_TEXT("key", c->key),
		 LOG_TEXT("why",
			  c->error ? strerror(c->error) : c->library->get_status_name(c->status)),
		 LOG_TEXT("answer", *c->message ? c->message : NULL), LOG_INT("attempt", attempt));
}

/* Our own file failed, not the store. */
static struct problem scratch_fault(struct arena *a, int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return problem(a, PROBLEM_NO_SPACE,
			       "the service has no room for the bytes on their way");
	return problem(a, PROBLEM_INTERNAL, "the service cannot keep the bytes on their way: %s",
		       strerror(error));
}

static struct problem give_up(struct arena *a, const struct libs3_call *c, int attempt)
{
	const struct meaning *m = meaning_of(c->status);

	say(LOG_ERROR, "storage_failed", c, attempt);
	return c->error ? scratch_fault(a, c->error) : problem(a, m->code, "%s", m->detail);
}

/* ---- one attempt ------------------------------------------------------------------ */

enum { WATCHED = 16, TURN_MS = 1000, BLIND_MS = 5 };

/* libs3 tells its descriptors as sets of select(2), which end at FD_SETSIZE; a service
 * with that many connections waits blindly, for a moment at a time. */
static void wait_for(const struct libs3 *l, S3RequestContext *context)
{
	struct pollfd fds[WATCHED];
	fd_set in, out, urgent;
	int n = 0, highest = -1;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&urgent);
	l->get_request_context_fdsets(context, &in, &out, &urgent, &highest);
	for (int fd = 0; fd <= highest && n < WATCHED; fd++) {
		const int events =
			(FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0);

		if (events)
			fds[n++] = (struct pollfd){.fd = fd, .events = (short)events};
	}
	const int64_t wanted = l->get_request_context_timeout(context);
	const int limit = n ? TURN_MS : BLIND_MS;
	poll(fds, (nfds_t)n, wanted >= 0 && wanted < limit ? (int)wanted : limit);
}

/* libs3 signs when a request starts, and takes the time from gmtime(), whose result all
 * threads share: one at a time. Starting sends nothing and waits for nothing. */
static void start(struct libs3_call *c, S3RequestContext *context)
{
	static pthread_mutex_t signing = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&signing);
	c->start(c, context);
	pthread_mutex_unlock(&signing);
}

/* Destroying the context completes what has not ended, as interrupted. */
static void attempt(struct libs3_call *c)
{
	const struct libs3 *l = c->library;
	S3RequestContext *context;
	int left = 1;

	c->error = 0;
	c->message[0] = '\0';
	c->status = l->create_request_context(&context);
	if (c->status != S3StatusOK)
		return;
	c->moved = monotonic_us();
	start(c, context);
	while (l->runonce_request_context(context, &left) == S3StatusOK && left &&
	       monotonic_us() - c->moved < LIBS3_SILENCE_US)
		wait_for(l, context);
	l->destroy_request_context(context);
	if (c->error)
		c->status = S3StatusAbortedByCallback;
	else if (c->status == S3StatusOK && c->whole && !c->whole(c))
		c->status = S3StatusConnectionFailed;
}

void libs3_moved(struct libs3_call *c)
{
	c->moved = monotonic_us();
}

S3Status libs3_properties(const S3ResponseProperties *properties, void *call)
{
	(void)properties;
	libs3_moved(call);
	return S3StatusOK;
}

void libs3_complete(S3Status status, const S3ErrorDetails *details, void *call)
{
	struct libs3_call *c = call;

	c->status = status;
	if (details && details->message)
		snprintf(c->message, sizeof(c->message), "%s", details->message);
}

/* ---- attempts --------------------------------------------------------------------- */

/* 50 to 100 ms before the second attempt, then twice as long each time: those that failed
 * together do not come back together. */
static void pause_before(int next)
{
	const int64_t longest_us = 100000LL << (next - 2);
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	const int64_t us = longest_us / 2 + random % (longest_us / 2);
	const struct timespec t = {us / 1000000, us % 1000000 * 1000};
	nanosleep(&t, NULL);
}

struct problem libs3_run(struct arena *a, struct libs3_call *c)
{
	const int64_t began = monotonic_us();
	const int attempts = c->attempts ? c->attempts : LIBS3_ATTEMPTS;

	for (int n = 1;; n++) {
		attempt(c);
		if (c->status == S3StatusOK)
			return NO_PROBLEM;
		if (c->error || !meaning_of(c->status)->passes || n == attempts ||
		    monotonic_us() - began > LIBS3_RETRY_US)
			return give_up(a, c, n);
		say(LOG_WARN, "storage_retry", c, n);
		pause_before(n + 1);
	}
}
