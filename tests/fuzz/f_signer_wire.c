#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "registry/signer_wire.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { MOST = 200 };

/* In pieces as the first byte says. What is a frame is written again as it was read;
 * the buffer never grows past what one frame needs. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct wire_in in = {.max = MOST};
	struct wire_out out = {0};
	struct wire_frame f;
	enum wire_event event;
	size_t piece = size ? 1 + (size_t)*data : 1;

	for (size_t at = 1; at < size; at += piece) {
		size_t room, n = size - at < piece ? size - at : piece;
		void *to = wire_room(&in, &room);

		assert(to && room >= n && in.cap <= 16384);
		memcpy(to, data + at, n);
		wire_came(&in, n);
		while ((event = wire_next(&in, &f)) != WIRE_NOTHING) {
			size_t before = wire_pending(&out);

			if (event != WIRE_FRAME)
				continue;
			assert(wire_put(&out, &f) && wire_pending(&out) - before <= MOST + 4);
		}
	}
	struct wire_in again = {.max = MOST, .bytes = out.bytes, .len = out.len, .cap = out.cap};
	while ((event = wire_next(&again, &f)) != WIRE_NOTHING)
		assert(event == WIRE_FRAME);
	assert(again.len == again.at);
	wire_in_free(&in);
	wire_out_free(&out);
	return 0;
}
