#include <string.h>

#include "api/loop.h"
#include "api/reply.h"
#include "api/v1/handlers.h"

static void write_key(struct json_out *j, const struct keyring_key *k)
{
	jw_object(j);
	jw_key(j, "id"), jw_text(j, k->id);
	jw_key(j, "state"), jw_text(j, k->state);
	jw_key(j, "minisign"), jw_text(j, minisign_public_file(j->arena, &k->public));
	jw_key(j, "pem"), jw_text(j, minisign_public_pem(j->arena, &k->public));
	jw_key(j, "created_at"), jw_time(j, k->created_at);
	jw_key(j, "activated_at"), jw_time(j, k->activated_at);
	jw_key(j, "retired_at"), jw_time(j, k->retired_at);
	jw_end_object(j);
}

/* GET /api/v1/keys: every key that signs or ever signed here, newest first. */
void key_list(struct request *rq)
{
	const struct keyring *k = &rq->loop->keyring;
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (int i = 0; i < k->n; i++)
		write_key(&j, &k->keys[i]);
	jw_end_array(&j);
	jw_end_object(&j);
	reply_header(rq, "Cache-Control", "no-cache");
	reply_json(rq, 200, &j);
}
