#include "registry/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dsse.h"
#include "base/failpoint.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "registry/attestation.h"
#include "registry/signer_wire.h"

#define SECOND INT64_C(1000000)

enum {
	ANSWER_TIME = 5, /* seconds, and one more for each so many bytes of a manifest: */
	MANIFEST_SECOND = 1 << 20,
	SCRATCH = 640 << 20,     /* what verifying one answer may take */
	SENDING = 256 * 1024,    /* bytes on their way out, from which on calls wait here */
	FULL_AGAIN = 1,          /* setjmp()'s second return */
	SHORT_OF_MEMORY = 10000, /* microseconds until it is looked for again */
};

/* Calls stand in the order they were submitted, so those that were sent come first. */
struct signer {
	struct poller *poller;
	struct watch watch; /* fd is -1 while there is no socket */
	struct timer timer; /* the first call's deadline */
	struct wire_in in;
	struct wire_out out;
	struct sign_call *first, **end, *unsent;
	uint64_t last_id;
	int64_t latest; /* deadline of the last call; none is earlier than the one before it */
	struct arena *scratch;
	jmp_buf full;
};

static void on_ready(struct watch *w, uint32_t events);
static void on_expired(struct timer *t);

struct signer *signer_new(struct poller *p)
{
	struct signer *s = calloc(1, sizeof(*s));
	struct arena *scratch = arena_new(SCRATCH);

	if (!s || !scratch) {
		arena_free(scratch);
		free(s);
		return NULL;
	}
	s->poller = p;
	s->watch = (struct watch){.fd = -1, .ready = on_ready};
	s->timer = (struct timer){.expired = on_expired};
	s->in.max = WIRE_ANSWER_MAX;
	s->end = &s->first;
	s->scratch = scratch;
	return s;
}

bool signer_connected(const struct signer *s)
{
	return s->watch.fd >= 0;
}

/* ---- the calls ---- */

static void set_timer(struct signer *s)
{
	if (s->first)
		poller_set(s->poller, &s->timer, s->first->deadline);
	else
		poller_cancel(s->poller, &s->timer);
}

/* Takes a call out of the line; NULL when it is not there any more. */
static struct sign_call *take_call(struct signer *s, uint64_t id)
{
	struct sign_call **at = &s->first;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	struct sign_call *call = *at;
	if (!call)
		return NULL;
	*at = call->next;
	if (!call->next)
		s->end = at;
	if (s->unsent == call)
		s->unsent = call->next;
	set_timer(s);
	return call;
}

static struct problem away(void)
{
	return (struct problem){.code = PROBLEM_UNAVAILABLE,
				.detail = "the signer does not answer; try again"};
}

static struct problem starved(void)
{
	return (struct problem){.code = PROBLEM_BUSY,
				.detail = "there is not enough memory at the moment"};
}

/* ---- what comes back ---- */

/* All of what may find an arena full happens below one setjmp(): the call's own way
 * out leads to where its work stood, and that is not here. */
static void arena_is_full(void *who)
{
	struct signer *s = who;

	longjmp(s->full, FULL_AGAIN);
}

static struct problem refused(const struct sign_call *call, const struct wire_frame *f)
{
	const unsigned why = f->fields[0].len ? *(const unsigned char *)f->fields[0].data : 0;
	const char *detail = arena_dup(call->arena, f->fields[1].data, f->fields[1].len);

	log_line(LOG_ERROR, "signer_refused", LOG_INT("refusal", why), LOG_TEXT("why", detail));
	if (why == WIRE_REFUSED_NO_MEMORY)
		return starved();
	if (why == WIRE_REFUSED_NO_KEY)
		return problem(call->arena, PROBLEM_FORBIDDEN, "%s", detail);
	if (why == WIRE_REFUSED_TOO_LARGE)
		return problem(call->arena, PROBLEM_TOO_LARGE, "%s", detail);
	return problem(call->arena, PROBLEM_INTERNAL, "the signer refuses: %s", detail);
}

static struct problem senseless(struct arena *a)
{
	return problem(a, PROBLEM_INTERNAL, "the signer's answer makes no sense");
}

static struct problem take_keys(struct signer *s, struct sign_call *call,
				const struct wire_field *f)
{
	const unsigned char *bytes = f->data;
	const size_t n = f->len / MINISIGN_PUBLIC_BYTES;

	(void)s;
	if (f->len % MINISIGN_PUBLIC_BYTES || n > SIGN_KEYS_MAX)
		return senseless(call->arena);
	call->keys = arena_array(call->arena, struct minisign_public, n);
	for (size_t i = 0; i < n; i++)
		if (!minisign_public_from_bytes(bytes + i * MINISIGN_PUBLIC_BYTES,
						MINISIGN_PUBLIC_BYTES, &call->keys[i]))
			return senseless(call->arena);
	call->nkeys = (int)n;
	return NO_PROBLEM;
}

static void keep_text(struct sign_call *call, const struct wire_field *f)
{
	call->text = arena_dup(call->arena, f->data, f->len);
	call->text_len = f->len;
}

static struct problem take_artifact(struct signer *s, struct sign_call *call,
				    const struct wire_field *f)
{
	struct attestation_file file = {.project = call->artifact.project,
					.model = call->artifact.model,
					.version = call->artifact.version,
					.path = call->artifact.path};
	const char *trusted, *want;

	memcpy(file.sha256, call->artifact.sha256, sizeof(file.sha256));
	TRY(minisign_verify(s->scratch, &call->key, call->artifact.blake2b, f->data, f->len,
			    &trusted));
	TRY(attestation_comment(s->scratch, &file, &want));
	if (strcmp(trusted, want) != 0)
		return problem(s->scratch, PROBLEM_INTERNAL, "the signature is of something else");
	keep_text(call, f);
	return NO_PROBLEM;
}

static struct problem take_version(struct signer *s, struct sign_call *call,
				   const struct wire_field *f)
{
	struct dsse envelope;

	TRY(dsse_verify(s->scratch, &call->key, f->data, f->len, &envelope));
	if (strcmp(envelope.type, DSSE_IN_TOTO) != 0)
		return problem(s->scratch, PROBLEM_INTERNAL, "the envelope is of something else");
	keep_text(call, f);
	return NO_PROBLEM;
}

static const struct {
	unsigned request, answer;
	struct problem (*take)(struct signer *s, struct sign_call *call,
			       const struct wire_field *f);
} kinds[] = {
	[SIGN_KEYS] = {WIRE_KEYS, WIRE_ANSWER_KEYS, take_keys},
	[SIGN_ARTIFACT] = {WIRE_ARTIFACT, WIRE_ANSWER_TEXT, take_artifact},
	[SIGN_VERSION] = {WIRE_VERSION, WIRE_ANSWER_TEXT, take_version},
};

static struct problem take_answer(struct signer *s, struct sign_call *call,
				  const struct wire_frame *f)
{
	if (f->kind == WIRE_ANSWER_REFUSED && f->n == 2)
		return refused(call, f);
	if (f->kind != kinds[call->kind].answer || f->n != 1)
		return senseless(call->arena);
	struct problem p = kinds[call->kind].take(s, call, &f->fields[0]);
	if (p.code == PROBLEM_NONE)
		return p;
	log_line(LOG_ERROR, "signature_bad", LOG_TEXT("why", p.detail));
	return (struct problem){.code = PROBLEM_INTERNAL,
				.detail = "the signer's signature does not hold"};
}

static struct problem take_within(struct signer *s, struct sign_call *call,
				  const struct wire_frame *f)
{
	if (setjmp(s->full) != 0) /* NOLINT(cert-err52-cpp) */
		return arena_starved(s->scratch) || arena_starved(call->arena)
			       ? starved()
			       : (struct problem){
					 .code = PROBLEM_TOO_LARGE,
					 .detail = "the signature is too large for one request"};
	return take_answer(s, call, f);
}

static void end_call(struct signer *s, struct sign_call *call, const struct wire_frame *f)
{
	const struct arena_way_out here = {arena_is_full, s};
	const struct arena_way_out before = arena_swap_way_out(call->arena, here);

	arena_on_full(s->scratch, arena_is_full, s);
	struct arena *json = json_use_arena(s->scratch);
	const struct problem p = take_within(s, call, f);
	json_use_arena(json);
	arena_swap_way_out(call->arena, before);
	arena_reset(s->scratch);
	FAILPOINT(SIGNATURE_ANSWERED);
	call->done(call, p);
}

/* ---- the socket ---- */

static void hang_up(struct signer *s)
{
	if (!signer_connected(s))
		return;
	poller_unwatch(s->poller, &s->watch);
	close(s->watch.fd);
	s->watch.fd = -1;
	wire_in_free(&s->in);
	wire_out_free(&s->out);
	for (struct sign_call *call = s->first; call; call = call->next)
		call->sent = false;
	s->unsent = s->first;
}

static void put_time(unsigned char bytes[8], int64_t micros)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)micros >> (8 * i));
}

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(s), strlen(s)                                                                     \
	}

static bool put_call(struct signer *s, const struct sign_call *call)
{
	struct wire_frame f = {.kind = kinds[call->kind].request, .id = call->id};
	unsigned char at[8];

	switch (call->kind) {
	case SIGN_KEYS:
		break;
	case SIGN_ARTIFACT:
		f.n = 7;
		memcpy(f.fields,
		       (struct wire_field[]){{call->key.id, MINISIGN_ID_BYTES},
					     TEXT(call->artifact.project),
					     TEXT(call->artifact.model),
					     TEXT(call->artifact.version),
					     TEXT(call->artifact.path),
					     {call->artifact.sha256, SHA256_BYTES},
					     {call->artifact.blake2b, BLAKE2B_BYTES}},
		       7 * sizeof(struct wire_field));
		break;
	case SIGN_VERSION:
		put_time(at, call->version.at);
		f.n = 3;
		f.fields[0] = (struct wire_field){call->key.id, MINISIGN_ID_BYTES};
		f.fields[1] =
			(struct wire_field){call->version.manifest, call->version.manifest_len};
		f.fields[2] = (struct wire_field){at, sizeof(at)};
		break;
	}
	return wire_put(&s->out, &f);
}

/* True when it put some. Without memory the rest is tried again soon, or expires. */
static bool put_calls(struct signer *s)
{
	bool some = false;

	while (s->unsent && wire_pending(&s->out) < SENDING) {
		if (!put_call(s, s->unsent)) {
			poller_set(s->poller, &s->timer, monotonic_us() + SHORT_OF_MEMORY);
			break;
		}
		s->unsent->sent = some = true;
		s->unsent = s->unsent->next;
	}
	if (some)
		FAILPOINT(SIGNATURE_SENT);
	return some;
}

/* Sends what the socket takes; false when the socket is of no use any more. */
static bool send_calls(struct signer *s)
{
	do
		if (!wire_flush(&s->out, s->watch.fd))
			return false;
	while (put_calls(s));
	uint32_t want = EPOLLIN | (wire_pending(&s->out) ? (uint32_t)EPOLLOUT : 0);
	return poller_watch(s->poller, &s->watch, want);
}

static void pump(struct signer *s)
{
	if (signer_connected(s) && !send_calls(s))
		hang_up(s);
}

/* done() may submit, and may bring another socket: each turn looks at all afresh. */
static bool take_answers(struct signer *s)
{
	struct wire_frame f;
	enum wire_event event;

	while ((event = wire_next(&s->in, &f)) == WIRE_FRAME) {
		struct sign_call *call = take_call(s, f.id);

		if (call)
			end_call(s, call, &f);
	}
	return event == WIRE_NOTHING;
}

static void on_ready(struct watch *w, uint32_t events)
{
	struct signer *s = OWNER_OF(w, struct signer, watch);

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = wire_fill(&s->in, w->fd);

		if (n == 0 || (n < 0 && errno != EAGAIN) || !take_answers(s)) {
			log_line(LOG_WARN, "signer_lost",
				 LOG_TEXT("why", n < 0 ? strerror(errno) : NULL));
			hang_up(s);
			return;
		}
	}
	pump(s);
}

void signer_socket(struct signer *s, int fd)
{
	hang_up(s);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	s->watch.fd = fd;
	pump(s);
}

/* ---- in and out ---- */

static void on_expired(struct timer *t)
{
	struct signer *s = OWNER_OF(t, struct signer, timer);
	const int64_t now = monotonic_us();

	while (s->first && s->first->deadline <= now) {
		struct sign_call *call = take_call(s, s->first->id);

		call->done(call, away());
	}
	set_timer(s);
	pump(s);
}

static int64_t answer_time(const struct sign_call *call)
{
	if (call->kind != SIGN_VERSION)
		return ANSWER_TIME;
	return ANSWER_TIME + (int64_t)(call->version.manifest_len / MANIFEST_SECOND);
}

void signer_submit(struct signer *s, struct sign_call *call)
{
	call->next = NULL;
	call->id = ++s->last_id;
	call->deadline = monotonic_us() + answer_time(call) * SECOND;
	if (s->first && call->deadline < s->latest)
		call->deadline = s->latest; /* answers come in turn */
	s->latest = call->deadline;
	call->sent = false;
	*s->end = call;
	s->end = &call->next;
	if (!s->unsent)
		s->unsent = call;
	set_timer(s);
	pump(s);
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	hang_up(s);
	while (s->first) {
		struct sign_call *call = take_call(s, s->first->id);

		call->done(call, away());
	}
	poller_cancel(s->poller, &s->timer);
	arena_free(s->scratch);
	free(s);
}
