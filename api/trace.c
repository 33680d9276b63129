#include "api/trace.h"

#include <string.h>

#include "api/loop.h"
#include "api/request.h"

static void hex64(uint64_t v, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 15; i >= 0; i--, v >>= 4)
		out[i] = digits[v & 15];
}

static bool lower_hex(const char *s, size_t len)
{
	return strnlen(s, len) == len && strspn(s, "0123456789abcdef") >= len;
}

static bool zeros(const char *s, size_t len)
{
	return strspn(s, "0") >= len;
}

/* "00-<32 hex>-<16 hex>-<2 hex>"; later versions may go on after a dash. */
bool trace_parent_read(const char *s, char trace_id[33])
{
	size_t len = s ? strlen(s) : 0;

	if (len < 55 || !lower_hex(s, 2) || s[2] != '-' || !lower_hex(s + 3, 32) || s[35] != '-' ||
	    !lower_hex(s + 36, 16) || s[52] != '-' || !lower_hex(s + 53, 2))
		return false;
	if (strncmp(s, "ff", 2) == 0 || zeros(s + 3, 32) || zeros(s + 36, 16))
		return false;
	if (len > 55 && (strncmp(s, "00", 2) == 0 || s[55] != '-'))
		return false;
	memcpy(trace_id, s + 3, 32);
	trace_id[32] = '\0';
	return true;
}

bool trace_request_id_fits(const char *s)
{
	static const char chars[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
	size_t len = strnlen(s, REQUEST_ID);

	return len > 0 && len < REQUEST_ID && strspn(s, chars) == len;
}

void trace_begin(struct request *rq, const char *traceparent)
{
	const char *given = request_header(rq, "X-Request-Id");

	hex64(loop_random(rq->loop) | 1, rq->span_id);
	rq->own_id = !trace_parent_read(traceparent, rq->trace_id);
	if (rq->own_id) {
		hex64(loop_random(rq->loop) | 1, rq->trace_id);
		hex64(loop_random(rq->loop), rq->trace_id + 16);
	}
	if (given && trace_request_id_fits(given)) {
		memcpy(rq->id, given, strlen(given) + 1);
		rq->own_id = false;
	} else {
		memcpy(rq->id, rq->trace_id, sizeof(rq->trace_id));
	}
}

void trace_parent(const struct request *rq, char s[TRACE_PARENT])
{
	memcpy(s, "00-", 3);
	memcpy(s + 3, rq->trace_id, 32);
	s[35] = '-';
	memcpy(s + 36, rq->span_id, 16);
	memcpy(s + 52, "-00", 4);
}
