#include <string.h>

#include "api/loop.h"
#include "api/reply.h"
#include "api/v1/handlers.h"

/* GET /api/v1/keys: every key that signs or ever signed here, newest first. */
void key_list(struct request *rq)
{
	const struct keyring *k = &rq->loop->keyring;
	struct json_out j = json_out_new(rq->arena);

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (int i = 0; i < k->n; i++)
		key_write(&j, &k->keys[i]);
	jw_end_array(&j);
	jw_end_object(&j);
	reply_header(rq, "Cache-Control", "no-cache");
	reply_json(rq, 200, &j);
}
