/* flight.h - what a request has on its way, and how its end comes back to the loop.
 *
 * A handler reads the request, submits one statement (or job, or signature)
 * and returns; the callback it named turns the result into a reply. There is at
 * most one thing on its way per request, and the connection is suspended meanwhile.
 *
 *	static void show_reply(struct request *rq, const PGresult *res) { … reply_json(…); }
 *	void model_show(struct request *rq)
 *	{
 *		struct args *args = request_args(rq);
 *		arg_text(args, request_param(rq, "project"));
 *		request_read(rq, STATEMENT_MODELS_GET, show_reply);
 *	}
 *
 * A callback that neither replies nor submits anything is a bug, answered 500.
 * When the arena is full the handler is left at once and the reply is 503. A statement
 * or signature that fails is answered here: the callback is for the good end alone.
 */
#ifndef HALLMARK_API_FLIGHT_H
#define HALLMARK_API_FLIGHT_H

#include "api/request.h"
#include "registry/signer.h"

/* --- each returns at once, the callback comes later, on the loop --- */

struct args *request_args(struct request *rq); /* empty; for the next statement */
/* Every write function's last two parameters: who does it, in which request. */
void request_args_actor(struct request *rq);

void request_read(struct request *rq, enum statement_id id, request_rows_fn *on_rows);
void request_statement(struct request *rq, const struct statement *s, request_rows_fn *on_rows);
/* busy_on: what others may wait for, such as the model's name; NULL: nothing.
 * When the connection breaks before the answer, the write is looked for (sql/readback.h).
 * Was it not made, it is sent again. Was it made, on_made answers in on_rows' place, which
 * may read the resource; rq->made is the kind of the event then. Who cannot be told gets
 * 503 outcome-unknown. */
void request_write(struct request *rq, enum statement_id id, const char *busy_on,
		   request_rows_fn *on_rows, request_fn *on_made);
/* Before request_write(): an id among its parameters that was made for it, which its event
 * or its blob bears. */
void request_mark(struct request *rq, const char *mark);
void request_mark_bytes(struct request *rq, struct bytes mark); /* in hexadecimal */
void request_mark_uuid(struct request *rq, const unsigned char *uuid);

/* work runs on a pool thread and may use the request and its arena, but not reply; done
 * runs on the loop. The handler touches neither after this. */
void request_job(struct request *rq, request_fn *work, request_fn *done);

/* The kind and what is to be signed stand in what; the active key signs, and key and text
 * are in what the callback gets. */
typedef void request_signed_fn(struct request *rq, const struct sign_call *signature);
void request_sign(struct request *rq, const struct sign_call *what, request_signed_fn *on_signed);

/* The keyring is read again: a statement has refused the key that signed. */
void request_renew_keys(struct request *rq, request_fn *then);

/* For other things that call back: begin before they are submitted, and end in
 * their callback with the function that goes on. */
void request_wait(struct request *rq);
void request_continue(struct request *rq, request_fn *then);

/* What its callback returns to libmicrohttpd: MHD_YES, and the connection is suspended when
 * something is on its way. */
enum MHD_Result request_pause(struct request *rq);

#endif
