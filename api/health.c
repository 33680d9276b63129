#include "api/health.h"

#include <string.h>

#include "api/exposition.h"
#include "api/loop.h"
#include "api/reply.h"

static void say(struct request *rq, unsigned status, const char *word)
{
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "status"), jw_text(&j, word);
	jw_end_object(&j);
	reply_header(rq, "Cache-Control", "no-store");
	reply_json(rq, status, &j);
}

void health_live(struct request *rq)
{
	say(rq, 200, "ok");
}

void health_ready(struct request *rq)
{
	if (service_ready(rq->loop->service))
		say(rq, 200, "ready");
	else
		say(rq, 503, "not ready");
}

void metrics_show(struct request *rq)
{
	const char *text = exposition(rq->loop->service, rq->arena);

	reply_text(rq, 200, EXPOSITION_TYPE, text, strlen(text));
}
