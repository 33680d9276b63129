/* body.h - a request's body as it comes in: collected, handed on, or read past politely.
 *
 * A JSON body is collected up to the row's limit; a stream goes to the row's piece()
 * as it comes. What comes after a refusal is dropped for a while, so that a client
 * which writes first and reads later hears why instead of a broken pipe.
 */
#ifndef HALLMARK_API_BODY_H
#define HALLMARK_API_BODY_H

#include "api/admit.h"
#include "api/request.h"

void body_announce(struct request *rq, const struct head *head);

/* The refusal goes out at once and ends the connection: reading the body would cost more. */
bool body_unwanted(const struct request *rq);

/* One piece, as libmicrohttpd offers it; *size becomes what is left. MHD_NO: cut. */
enum MHD_Result body_take(struct request *rq, const char *data, size_t *size);

#endif
