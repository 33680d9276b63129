/* stages.h - the life of a request: head, route, identity, body, handler, reply.
 *
 *	stages_begin()     the request line is in
 *	stages_access()    the head is in: admitted or refused (api/admit.h), matched with a
 *	                   row of the route table, its caller found (api/caller.h) and
 *	                   authorised; then pieces of the body (api/body.h); then, the body
 *	                   whole, the row's handler; and after each resume, until the
 *	                   reply is there and is queued
 *	stages_end()       the last byte is out, or the connection gone
 *
 * For api/daemon.h alone: these are what libmicrohttpd calls.
 */
#ifndef HALLMARK_API_STAGES_H
#define HALLMARK_API_STAGES_H

#include "api/request.h"

/* NULL: out of memory. */
struct request *stages_begin(struct loop *loop, const char *raw_target, struct MHD_Connection *c);
enum MHD_Result stages_access(struct request *rq, const char *method, const char *version,
			      const char *data, size_t *size);
void stages_end(struct request *rq);

#endif
