#include "api/body.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/flight.h"
#include "api/guard.h"
#include "api/loop.h"
#include "api/peer.h"
#include "api/reply.h"
#include "base/failpoint.h"
#include "base/log.h"

/* How much of a refused body is still read, so that a client which writes first and
 * reads later hears the refusal instead of a broken pipe. libmicrohttpd takes no reply
 * in the middle of a body: an upload that fails there is read on for longer (and see
 * last_words). */
enum { POLITE_BYTES = 256 * 1024, POLITE_UPLOAD_BYTES = 64 * 1024 * 1024 };

/* libmicrohttpd takes a bare LF for the end of a chunk's line and of its data. Who looks for CRLF
 * sees a chunk end elsewhere, and another next request: none is read behind chunks. */
void body_announce(struct request *rq, const struct head *head)
{
	rq->close |= head->chunked;
	rq->content_length = head->content_length;
	rq->long_body = head->chunked || head->content_length > POLITE_BYTES;
}

/* A client that waits for our word sends no body before it: the refusal costs nothing.
 * A body of any length would cost more than a new connection. */
bool body_unwanted(const struct request *rq)
{
	const char *expect = request_header(rq, "Expect");

	return rq->close || rq->long_body || (expect && strcasecmp(expect, "100-continue") == 0);
}

/* --- taking it --- */

static void take_json(struct request *rq, const char *data, size_t size)
{
	size_t limit = rq->route->max_body ? rq->route->max_body
					   : (size_t)rq->loop->service->options.max_body;

	if (size > limit - rq->body_len) {
		reply_problem(rq, problem(rq->arena, PROBLEM_TOO_LARGE,
					  "at most %zu bytes of body are taken here", limit));
		return;
	}
	if (rq->body_room - rq->body_len < size + 1) {
		size_t room = (rq->body_len + size) * 2 + 1;
		char *body = arena_bytes(rq->arena, room);

		if (rq->body_len)
			memcpy(body, rq->body, rq->body_len);
		rq->body = body;
		rq->body_room = room;
	}
	memcpy((char *)rq->body + rq->body_len, data, size);
	rq->body_len += size;
	((char *)rq->body)[rq->body_len] = '\0';
}

static void take_stream(struct request *rq, const char *data, size_t size)
{
	const int64_t limit = rq->loop->service->options.max_upload;

	if (rq->body_total + (int64_t)size > limit) {
		reply_problem(rq, problem(rq->arena, PROBLEM_TOO_LARGE,
					  "at most %lld bytes are taken here", (long long)limit));
		return;
	}
	rq->taken = rq->route->piece(rq, data, size);
}

static void take_piece(struct request *rq)
{
	const struct moment piece = rq->now;

	if (rq->route->body == BODY_STREAM)
		take_stream(rq, piece.data, piece.size);
	else
		take_json(rq, piece.data, piece.size);
}

/* --- reading past it --- */

/* libmicrohttpd takes no reply in the middle of a body. A refusal that is made there is
 * written past it, to a client that has heard nothing yet, and the connection ends. */
static void last_words(struct request *rq)
{
	struct arena *a = rq->arena;

	if (!rq->peer || !rq->refusal)
		return;
	const char *words = arena_printf(a,
					 "HTTP/1.1 %u %s\r\nConnection: close\r\n"
					 "Content-Type: application/problem+json\r\n"
					 "X-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n"
					 "Content-Length: %zu\r\n\r\n%s",
					 rq->status, MHD_get_reason_phrase_for(rq->status), rq->id,
					 strlen(rq->refusal), rq->refusal);
	if (send(rq->peer->fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(LOG_DEBUG, "refusal_unheard", LOG_TEXT("request_id", rq->id));
}

static size_t polite_bytes(const struct request *rq)
{
	bool uploads = rq->stage == STAGE_BODY && rq->route->body == BODY_STREAM;

	return uploads ? POLITE_UPLOAD_BYTES : POLITE_BYTES;
}

enum MHD_Result body_take(struct request *rq, const char *data, size_t *size)
{
	if (rq->response) {
		rq->body_total += (int64_t)*size;
		rq->dropped += *size;
		*size = 0;
		if (rq->dropped <= polite_bytes(rq))
			return MHD_YES;
		guarded(rq, last_words);
		return MHD_NO;
	}
	FAILPOINT(BODY_PIECE);
	rq->now = (struct moment){.data = data, .size = *size};
	rq->taken = *size;
	guarded(rq, take_piece);
	rq->body_total += (int64_t)rq->taken;
	*size -= rq->taken;
	return request_pause(rq);
}
