/* caller.h - whose request this is: its bearer token (RFC 6750), looked up and judged. */
#ifndef HALLMARK_API_CALLER_H
#define HALLMARK_API_CALLER_H

#include "api/request.h"

/* Finds out who sends the request and sets rq->who, at once or later (it then
 * waits, and goes on with then); replies by itself when the token is no good. */
void caller_find(struct request *rq, request_fn *then);

#endif
