#include "api/caller.h"

#include <string.h>
#include <strings.h>

#include "api/flight.h"
#include "api/loop.h"
#include "api/reply.h"
#include "api/token_cache.h"
#include "base/failpoint.h"
#include "base/timestamp.h"
#include "registry/token.h"

static void refuse(struct request *rq, const char *why)
{
	counter_add(&rq->loop->metrics.auth_failures, 1);
	reply_problem(rq, problem(rq->arena, PROBLEM_UNAUTHENTICATED, "%s", why));
}

/* What the look-up waits with. */
struct finding {
	struct token token;
	request_fn *then;
};

static void judge(struct request *rq, const struct known_token *known, const struct finding *f)
{
	unsigned char hash[TOKEN_HASH];

	token_hash(&f->token, rq->loop->service->options.token_key, hash);
	if (!token_same(hash, known->hash)) {
		refuse(rq, "this token is not known here");
		return;
	}
	if (known->revoked) {
		refuse(rq, "this token was revoked");
		return;
	}
	if (known->expires_at != INT64_MIN && known->expires_at < timestamp_now()) {
		refuse(rq, "this token has expired");
		return;
	}
	/* The slot may be another token's before the request ends. */
	struct roles *roles = arena_bytes(rq->arena, sizeof(*roles));
	roles->n = known->roles.n;
	memcpy(roles->bindings, known->roles.bindings,
	       (size_t)known->roles.n * sizeof(roles->bindings[0]));
	rq->who.principal = arena_dup(rq->arena, known->principal, strlen(known->principal));
	rq->who.roles = roles;
	FAILPOINT(IDENTITY_KNOWN);
	f->then(rq);
}

static void looked_up(struct request *rq, const PGresult *res)
{
	const struct finding *f = rq->state;
	const struct known_token *known;

	if (PQntuples(res) == 0) {
		refuse(rq, "this token is not known here");
		return;
	}
	if (reply_failed(rq, token_cache_learn(rq->loop->tokens, rq->arena, res, &known)))
		return;
	rq->state = NULL;
	judge(rq, known, f);
}

/* "Bearer <token>"; RFC 6750. */
static const char *bearer(struct request *rq)
{
	const char *value = request_header(rq, "Authorization");

	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	return value + strspn(value, " ");
}

void caller_find(struct request *rq, request_fn *then)
{
	struct finding *f = arena_alloc(rq->arena, sizeof(*f));
	const char *text = bearer(rq);

	f->then = then;
	if (!text) {
		refuse(rq, "send Authorization: Bearer and an access token");
		return;
	}
	if (!token_read(text, strlen(text), &f->token)) {
		refuse(rq, "this is not an access token of Hallmark, or a letter of it is wrong");
		return;
	}
	const struct known_token *known = token_cache_find(rq->loop->tokens, f->token.id);
	if (known) {
		judge(rq, known, f);
		return;
	}
	rq->state = f;
	arg_text(request_args(rq), f->token.id);
	request_read(rq, STATEMENT_TOKENS_LOOKUP, looked_up);
	FAILPOINT(IDENTITY_ASKED);
}
