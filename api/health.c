#include "api/health.h"

#include <string.h>

#include "api/exposition.h"
#include "api/loop.h"
#include "api/reply.h"

static void say(struct request *rq, unsigned status, const char *word, const char *why)
{
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "status"), jw_text(&j, word);
	if (why)
		jw_key(&j, "reason"), jw_text(&j, why);
	jw_end_object(&j);
	reply_header(rq, "Cache-Control", "no-store");
	reply_json(rq, status, &j);
}

void health_live(struct request *rq)
{
	say(rq, 200, "ok", NULL);
}

void health_ready(struct request *rq)
{
	const char *why = service_unready(rq->loop->service);

	if (why)
		say(rq, 503, "not ready", why);
	else
		say(rq, 200, "ready", NULL);
}

void metrics_show(struct request *rq)
{
	const char *text = exposition(rq->loop->service, rq->arena);

	reply_text(rq, 200, EXPOSITION_TYPE, text, strlen(text));
}
