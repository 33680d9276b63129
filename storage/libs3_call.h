/* libs3_call.h - calls of libs3 that end: timed, tried again, and understood.
 *
 * libs3 is loaded (dlopen) by the first store that uses it and never linked. It
 * brings a libcurl of its own, GnuTLS, Kerberos and more, 47 libraries in all;
 * linked, they cost each of our processes 2.8 MiB and 18 ms at its start, the
 * signer too. Written for the interface of libs3 2.0, which Debian has.
 *
 * A call has a request context of its own, so that we can end it: libs3 itself
 * gives up when less than 1 KiB/s moves for 15 s, but waits for minutes for a
 * host that does not answer at all. What may pass is tried again after growing
 * pauses with jitter, LIBS3_ATTEMPTS times at most and not after LIBS3_RETRY_US.
 *
 *	struct put { struct libs3_call call; … };
 *	static void put_start(struct libs3_call *c, S3RequestContext *context)
 *	{
 *		c->library->put_object(…, context, &handler, c);
 *	}
 *	TRY(libs3_run(a, &put.call));
 *
 * libs3's callback data is always the struct libs3_call.
 */
#ifndef HALLMARK_STORAGE_LIBS3_CALL_H
#define HALLMARK_STORAGE_LIBS3_CALL_H

#include <libs3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"

#ifdef S3_INIT_VERIFY_PEER
#error "This is libs3 4 or later, whose calls take other arguments than those of libs3 2.0."
#endif

enum { LIBS3_ATTEMPTS = 4, LIBS3_RETRY_US = 25000000, LIBS3_SILENCE_US = 20000000 };

/* name of the member, which is libs3's own without "S3_" */
#define LIBS3_FUNCTIONS(X)                                                                         \
	X(initialize)                                                                              \
	X(validate_bucket_name)                                                                    \
	X(get_status_name)                                                                         \
	X(create_request_context)                                                                  \
	X(destroy_request_context)                                                                 \
	X(runonce_request_context)                                                                 \
	X(get_request_context_fdsets)                                                              \
	X(get_request_context_timeout)                                                             \
	X(put_object)                                                                              \
	X(get_object)                                                                              \
	X(head_object)                                                                             \
	X(delete_object)                                                                           \
	X(list_bucket)

struct libs3 {
#define X(name) __typeof__ (&S3_##name)(name);
	LIBS3_FUNCTIONS(X)
#undef X
};

/* Loads and initialises libs3, once per process; any thread. INVALID says which
 * package is missing. */
MUST_CHECK struct problem libs3_load(struct arena *a, const struct libs3 **out);

struct libs3_call {
	const struct libs3 *library;
	const char *what; /* for the log */
	const char *key;
	int attempts; /* 0: LIBS3_ATTEMPTS */
	/* Begins an attempt from nothing; a second one too. */
	void (*start)(struct libs3_call *c, S3RequestContext *context);
	/* NULL, or: did an attempt that libs3 calls good bring everything? libs3 takes an
	 * answer that was cut short for a whole one. */
	bool (*whole)(const struct libs3_call *c);

	/* For callbacks. */
	int error;     /* errno of ours; the callback then aborts, and no attempt follows */
	int64_t moved; /* monotonic_us() when something last happened: see libs3_moved() */

	S3Status status;
	char message[256]; /* what the store said to it */
};

/* To be called by callbacks that take or give bytes. */
void libs3_moved(struct libs3_call *c);

/* The two callbacks of every call; a call may have a properties callback of its own. */
S3Status libs3_properties(const S3ResponseProperties *properties, void *call);
void libs3_complete(S3Status status, const S3ErrorDetails *details, void *call);

/* Makes attempts until one is good or nothing is left to hope for. Blocks. */
MUST_CHECK struct problem libs3_run(struct arena *a, struct libs3_call *c);

#endif
