#include "api/request.h"

#include "base/json_in.h"

const char *request_param(const struct request *rq, const char *name)
{
	int i = route_param(rq->route, name);

	return i < 0 ? NULL : rq->params[i].text;
}

const char *request_query(const struct request *rq, const char *name)
{
	return target_query(&rq->target, name);
}

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->conn, MHD_HEADER_KIND, name);
}

struct problem request_json(struct request *rq, json_t **out)
{
	return json_in(rq->arena, rq->body ? rq->body : "", rq->body_len, out);
}
