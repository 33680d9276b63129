#include "hallmarkd/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dsse.h"
#include "base/failpoint.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "hallmarkd/key_folder.h"
#include "hallmarkd/sandbox.h"
#include "registry/attestation.h"
#include "registry/signer_wire.h"

enum {
	REQUEST_MEMORY = 640 << 20, /* what one request may take, its answer included */
	MUCH_MEMORY = 8 << 20,      /* a request that took more: give it back at once */
	ANSWERS_WAITING = 1 << 20,  /* bytes unread by a loop, from which on it is not served */
	AFTER_THE_FIRST = 1000000,  /* microseconds for the others to hang up as well */
};

#define COMMENT "signed by hallmark; the trusted comment says what this is"

struct peer {
	int fd;
	bool gone;
	struct wire_in in;
	struct wire_out out;
};

struct signer_process {
	struct key_folder keys;
	struct arena *arena; /* of the request being answered */
	jmp_buf full;
	int npeers;
	struct peer *peers;
	struct pollfd *polls;
	int64_t ends_at; /* 0: not yet */
};

/* ---- one request ---- */

struct answer {
	enum wire_refusal refused; /* 0: it is not */
	const char *text;
	size_t len;
};

static struct answer refusal(enum wire_refusal why, const char *text)
{
	return (struct answer){.refused = why, .text = text, .len = strlen(text)};
}

static struct answer refusal_of(struct problem p)
{
	return refusal(p.code == PROBLEM_INVALID ? WIRE_REFUSED_INVALID : WIRE_REFUSED_FAULT,
		       p.detail);
}

static struct answer answer_keys(struct signer_process *s, const struct wire_frame *f)
{
	unsigned char *bytes = arena_calloc(s->arena, (size_t)s->keys.n, MINISIGN_PUBLIC_BYTES);

	(void)f;
	for (int i = 0; i < s->keys.n; i++)
		minisign_public_bytes(&s->keys.keys[i].public,
				      bytes + (size_t)i * MINISIGN_PUBLIC_BYTES);
	return (struct answer){.text = (const char *)bytes,
			       .len = (size_t)s->keys.n * MINISIGN_PUBLIC_BYTES};
}

/* Fields are bytes; a NUL in one would hide what comes after it. */
static bool text_field(struct arena *a, const struct wire_field *f, const char **text)
{
	*text = arena_dup(a, f->data, f->len);
	return strlen(*text) == f->len;
}

enum { ID, PROJECT, MODEL, VERSION, PATH, SHA256, BLAKE2B }; /* fields of an ARTIFACT */

static struct problem sign_file(struct arena *a, const struct signing_key *k,
				const struct attestation_file *file,
				const unsigned char blake2b[BLAKE2B_BYTES], const char **text)
{
	const char *comment, *trusted;

	TRY(attestation_comment(a, file, &comment));
	TRY(minisign_sign(a, &k->secret, blake2b, COMMENT, comment, text));
	return minisign_verify(a, &k->public, blake2b, *text, strlen(*text), &trusted);
}

static struct answer answer_artifact(struct signer_process *s, const struct wire_frame *f)
{
	const struct signing_key *k = key_folder_find(&s->keys, f->fields[ID].data);
	struct attestation_file file;
	const char *text;

	if (!k)
		return refusal(WIRE_REFUSED_NO_KEY, "the signer does not hold this key");
	if (!text_field(s->arena, &f->fields[PROJECT], &file.project) ||
	    !text_field(s->arena, &f->fields[MODEL], &file.model) ||
	    !text_field(s->arena, &f->fields[VERSION], &file.version) ||
	    !text_field(s->arena, &f->fields[PATH], &file.path))
		return refusal(WIRE_REFUSED_INVALID, "a name holds a NUL");
	memcpy(file.sha256, f->fields[SHA256].data, SHA256_BYTES);
	struct problem p = sign_file(s->arena, k, &file, f->fields[BLAKE2B].data, &text);
	if (p.code != PROBLEM_NONE)
		return refusal_of(p);
	return (struct answer){.text = text, .len = strlen(text)};
}

static int64_t time_field(const struct wire_field *f)
{
	const unsigned char *p = f->data;
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return (int64_t)v;
}

static struct problem sign_version(struct arena *a, const struct signing_key *k,
				   const struct wire_frame *f, struct answer *answer)
{
	const struct wire_field *manifest = &f->fields[1];
	char id[MINISIGN_ID_TEXT];
	const char *statement;
	size_t len;

	minisign_id_text(k->public.id, id);
	TRY(attestation_statement(a, manifest->data, manifest->len, id, time_field(&f->fields[2]),
				  &statement, &len));
	return dsse_sign(a, &k->secret, DSSE_IN_TOTO, statement, len, &answer->text, &answer->len);
}

static struct answer answer_version(struct signer_process *s, const struct wire_frame *f)
{
	const struct signing_key *k = key_folder_find(&s->keys, f->fields[ID].data);
	struct answer answer = {0};

	if (!k)
		return refusal(WIRE_REFUSED_NO_KEY, "the signer does not hold this key");
	struct problem p = sign_version(s->arena, k, f, &answer);
	return p.code == PROBLEM_NONE ? answer : refusal_of(p);
}

/* What each kind of request must look like; a size of 0 is any. */
static const struct request {
	enum wire_kind kind, answer;
	int nfields;
	size_t sizes[WIRE_FIELDS];
	struct answer (*answer_it)(struct signer_process *s, const struct wire_frame *f);
} requests[] = {
	{WIRE_KEYS, WIRE_ANSWER_KEYS, 0, {0}, answer_keys},
	{WIRE_ARTIFACT,
	 WIRE_ANSWER_TEXT,
	 7,
	 {MINISIGN_ID_BYTES, 0, 0, 0, 0, SHA256_BYTES, BLAKE2B_BYTES},
	 answer_artifact},
	{WIRE_VERSION, WIRE_ANSWER_TEXT, 3, {MINISIGN_ID_BYTES, 0, 8}, answer_version},
};

static const struct request *request_of(const struct wire_frame *f)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		const struct request *r = &requests[i];
		bool fits = r->kind == f->kind && r->nfields == f->n;

		for (int n = 0; fits && n < f->n; n++)
			fits = !r->sizes[n] || r->sizes[n] == f->fields[n].len;
		if (fits)
			return r;
	}
	return NULL;
}

/* Without an answer the loop would wait; when we end, another signer is asked. */
static void put_answer(struct peer *peer, uint64_t id, unsigned kind, const struct answer *answer)
{
	const unsigned char why = (unsigned char)answer->refused;
	const struct wire_frame refused = {.kind = WIRE_ANSWER_REFUSED,
					   .id = id,
					   .n = 2,
					   .fields = {{&why, 1}, {answer->text, answer->len}}};
	const struct wire_frame good = {
		.kind = kind, .id = id, .n = 1, .fields = {{answer->text, answer->len}}};

	if (!wire_put(&peer->out, why ? &refused : &good))
		log_out_of_memory("an answer");
}

/* A full arena jumps back here. */
static struct answer answer_within(struct signer_process *s, const struct request *r,
				   const struct wire_frame *f)
{
	if (!r)
		return refusal(WIRE_REFUSED_INVALID, "this is not a request of the signer's");
	if (setjmp(s->full) != 0)
		return arena_starved(s->arena)
			       ? refusal(WIRE_REFUSED_NO_MEMORY, "the signer is short of memory")
			       : refusal(WIRE_REFUSED_TOO_LARGE, "the request is too large");
	return r->answer_it(s, f);
}

static void answer_frame(struct signer_process *s, struct peer *peer, const struct wire_frame *f)
{
	const struct request *r = request_of(f);

	FAILPOINT(SIGNER_ASKED);
	json_use_arena(s->arena);
	const struct answer answer = answer_within(s, r, f);
	json_use_arena(NULL);
	put_answer(peer, f->id, r ? r->answer : 0, &answer);
	FAILPOINT(SIGNER_ANSWERED);
	size_t taken = arena_taken(s->arena);
	arena_reset(s->arena);
	if (taken > MUCH_MEMORY)
		malloc_trim(0);
}

static void arena_is_full(void *who)
{
	struct signer_process *s = who;

	longjmp(s->full, 1);
}

/* ---- the loops ---- */

static void hang_up(struct peer *peer)
{
	close(peer->fd);
	peer->gone = true;
	wire_in_free(&peer->in);
	wire_out_free(&peer->out);
}

static void answer_event(struct signer_process *s, struct peer *peer, enum wire_event event,
			 const struct wire_frame *f)
{
	static const struct answer malformed = {WIRE_REFUSED_INVALID, "the frame is malformed",
						sizeof("the frame is malformed") - 1};
	static const struct answer too_long = {WIRE_REFUSED_TOO_LARGE, "the request is too large",
					       sizeof("the request is too large") - 1};

	if (event == WIRE_FRAME)
		answer_frame(s, peer, f);
	else
		put_answer(peer, f->id, 0, event == WIRE_TOO_LONG ? &too_long : &malformed);
}

/* Answers what is there until the loop leaves too many answers unread. */
static bool serve_frames(struct signer_process *s, struct peer *peer)
{
	struct wire_frame f;
	enum wire_event event;

	while (wire_pending(&peer->out) < ANSWERS_WAITING &&
	       (event = wire_next(&peer->in, &f)) != WIRE_NOTHING) {
		answer_event(s, peer, event, &f);
		if (!wire_flush(&peer->out, peer->fd))
			return false;
	}
	return true;
}

static bool serve(struct signer_process *s, struct peer *peer, short events)
{
	if ((events & POLLOUT) && !wire_flush(&peer->out, peer->fd))
		return false;
	if (events & (POLLIN | POLLHUP | POLLERR)) {
		ssize_t n = wire_fill(&peer->in, peer->fd);

		if (n < 0 && errno == ENOMEM)
			log_out_of_memory("a request"); /* of a loop, or of the supervisor */
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
	}
	return serve_frames(s, peer);
}

/* A loop that has hung up has been given another signer, as the others will be in a moment; or
 * there was no memory for what was said, and it is given another one when we end. The last
 * peer is the supervisor, which has heard enough once we are ready. */
static int patience(struct signer_process *s)
{
	bool forsaken = false;

	for (int i = 0; i < s->npeers - 1; i++)
		forsaken |= s->peers[i].gone;
	if (!forsaken)
		return -1;
	if (!s->ends_at)
		s->ends_at = monotonic_us() + AFTER_THE_FIRST;
	const int64_t left = s->ends_at - monotonic_us();
	return left > 0 ? (int)(left / 1000) + 1 : 0;
}

/* A loop that leaves its answers lying is not read from until it has taken them. */
static int wait_for_loops(struct signer_process *s)
{
	const int ms = patience(s);
	int open = 0;

	for (int i = 0; i < s->npeers; i++) {
		const struct peer *peer = &s->peers[i];
		size_t waiting = wire_pending(&peer->out);

		s->polls[i] = (struct pollfd){.fd = peer->gone ? -1 : peer->fd};
		if (waiting)
			s->polls[i].events |= POLLOUT;
		if (waiting < ANSWERS_WAITING)
			s->polls[i].events |= POLLIN;
		open += !peer->gone;
	}
	while (open && poll(s->polls, (nfds_t)s->npeers, ms) < 0 && errno == EINTR)
		;
	return ms ? open : 0;
}

static void serve_loops(struct signer_process *s)
{
	while (wait_for_loops(s))
		for (int i = 0; i < s->npeers; i++)
			if (s->polls[i].revents && !s->peers[i].gone &&
			    !serve(s, &s->peers[i], s->polls[i].revents))
				hang_up(&s->peers[i]);
}

/* ---- the process ---- */

static struct problem open_peers(struct signer_process *s, int nsockets, const int *sockets)
{
	s->npeers = nsockets;
	s->peers = calloc((size_t)nsockets, sizeof(*s->peers));
	s->polls = calloc((size_t)nsockets, sizeof(*s->polls));
	if (!s->peers || !s->polls)
		return problem(s->arena, PROBLEM_INTERNAL, "out of memory");
	for (int i = 0; i < nsockets; i++) {
		s->peers[i] = (struct peer){.fd = sockets[i], .in = {.max = WIRE_REQUEST_MAX}};
		if (fcntl(sockets[i], F_SETFL, O_NONBLOCK) != 0)
			return problem(s->arena, PROBLEM_INTERNAL, "socket %d: %s", sockets[i],
				       strerror(errno));
	}
	return NO_PROBLEM;
}

static struct problem start(struct signer_process *s, int nsockets, const int *sockets,
			    const char *keys_dir)
{
	if (sodium_init() < 0)
		return problem(s->arena, PROBLEM_INTERNAL, "libsodium does not start");
	json_object_seed(0); /* jansson reads a file for it, which it may only now */
	TRY(open_peers(s, nsockets, sockets));
	TRY(key_folder_read(s->arena, keys_dir, &s->keys));
	return sandbox_signer(s->arena);
}

static void stop(struct signer_process *s)
{
	key_folder_close(&s->keys);
	arena_free(s->arena);
	free(s->peers);
	free(s->polls);
}

int signer_main(int nsockets, const int *sockets, const char *keys_dir)
{
	struct signer_process s = {.arena = arena_new(REQUEST_MEMORY)};

	if (!s.arena)
		return 1;
	struct problem p = start(&s, nsockets, sockets, keys_dir);
	if (p.code != PROBLEM_NONE) {
		log_line(LOG_ERROR, "signer_failed", LOG_TEXT("why", p.detail));
		stop(&s);
		return 1;
	}
	log_line(LOG_INFO, "signer_ready", LOG_INT("keys", s.keys.n));
	FAILPOINT(SIGNER_KEYS_READ);
	arena_reset(s.arena);
	arena_on_full(s.arena, arena_is_full, &s);
	serve_loops(&s);
	stop(&s);
	_exit(0);
}
