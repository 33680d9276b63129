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

void guard_arm(struct request *rq)
{
	arena_on_full(rq->arena, leave, rq);
}

bool guard_ran(struct request *rq, request_fn *fn)
{
	jmp_buf here;
	jmp_buf *const outer = escape;
	struct arena *const json = json_use_arena(rq->arena);
	bool left = false;

	escape = &here;
	if (setjmp(here) == 0) /* NOLINT(cert-err52-cpp) */
		fn(rq);
	else
		left = true;
	escape = outer;
	json_use_arena(json);
	return !left;
}

void guarded(struct request *rq, request_fn *fn)
{
	if (!guard_ran(rq, fn))
		reply_full(rq);
}
