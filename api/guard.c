#include "api/guard.h"

#include <setjmp.h>

#include "api/reply.h"
#include "base/json_memory.h"

/* Each thread's own: a job may begin before the handler that submitted it has returned. */
static _Thread_local jmp_buf *escape;

static void leave(void *who)
{
	(void)who;
	longjmp(*escape, 1); /* NOLINT(cert-err52-cpp): out of an arena of any depth */
}

static bool ran(void (*fn)(void *what), void *what)
{
	jmp_buf here;
	jmp_buf *const outer = escape;
	bool left = false;

	escape = &here;
	if (setjmp(here) == 0) /* NOLINT(cert-err52-cpp) */
		fn(what);
	else
		left = true;
	escape = outer;
	return !left;
}

bool guard_began(struct arena *a, void (*fn)(void *what), void *what)
{
	arena_on_full(a, leave, NULL);
	return ran(fn, what);
}

struct guarded_call {
	struct request *rq;
	request_fn *fn;
};

static void call(void *what)
{
	const struct guarded_call *c = what;

	c->fn(c->rq);
}

bool guard_ran(struct request *rq, request_fn *fn)
{
	struct arena *const json = json_use_arena(rq->arena);
	struct guarded_call c = {rq, fn};
	const bool good = ran(call, &c);

	json_use_arena(json);
	return good;
}

void guarded(struct request *rq, request_fn *fn)
{
	if (!guard_ran(rq, fn))
		reply_full(rq);
}
