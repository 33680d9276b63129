#include "registry/signer_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static void feed(struct wire_in *in, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len) {
		size_t room;
		void *to = wire_room(in, &room);
		size_t n = len < room ? len : room;

		memcpy(to, p, n);
		wire_came(in, n);
		p += n;
		len -= n;
	}
}

static void a_frame_has_its_bytes(void)
{
	static const unsigned char want[] = {24, 0, 0, 0,   2,   8,   7, 6, 5, 4, 3, 2, 1, 3,
					     0,  0, 0, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0};
	struct wire_out out = {0};
	const struct wire_frame f = {.kind = WIRE_ARTIFACT,
				     .id = 0x0102030405060708,
				     .n = 3,
				     .fields = {{"abc", 3}, {"", 0}, {NULL, 0}}};

	ok(wire_put(&out, &f), "a frame is put");
	is_int(wire_pending(&out), sizeof(want), "it has the length that was computed by hand");
	ok(memcmp(out.bytes, want, sizeof(want)) == 0, "and the bytes that were written by hand");
	wire_out_free(&out);
}

/* The same frames, whatever the pieces they come in. */
static void pieces_do_not_matter(size_t piece)
{
	struct wire_out out = {0};
	struct wire_in in = {.max = 10000};
	char text[5000];
	int frames = 0, right = 0;

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 20; i++)
		wire_put(&out,
			 &(struct wire_frame){.kind = WIRE_VERSION,
					      .id = i,
					      .n = 2,
					      .fields = {{text, (size_t)i * 250}, {"end", 3}}});
	for (size_t at = 0; at < out.len; at += piece) {
		struct wire_frame f;

		feed(&in, out.bytes + at, out.len - at < piece ? out.len - at : piece);
		while (wire_next(&in, &f) == WIRE_FRAME) {
			right += f.id == (uint64_t)frames && f.n == 2 &&
				 f.fields[0].len == (size_t)frames * 250 &&
				 memcmp(f.fields[0].data, text, f.fields[0].len) == 0 &&
				 memcmp(f.fields[1].data, "end", 3) == 0;
			frames++;
		}
	}
	is_int(frames, 20, "20 frames come out of pieces of %zu bytes", piece);
	is_int(right, 20, "and all are as they were put");
	wire_in_free(&in);
	wire_out_free(&out);
}

static const unsigned char next_frame[] = {9, 0, 0, 0, WIRE_KEYS, 77, 0, 0, 0, 0, 0, 0, 0};

static const struct {
	const char *what;
	unsigned char bytes[40];
	size_t len;
	enum wire_event event;
	uint64_t id;
} odd[] = {
	{"an empty frame", {0, 0, 0, 0}, 4, WIRE_MALFORMED, 0},
	{"a frame without a whole id", {3, 0, 0, 0, 1, 5, 0}, 7, WIRE_MALFORMED, 0},
	{"a field that breaks off",
	 {11, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 9, 9},
	 15,
	 WIRE_MALFORMED,
	 5},
	{"a field longer than its frame",
	 {14, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'x'},
	 18,
	 WIRE_MALFORMED,
	 5},
	{"a field of four thousand million bytes",
	 {14, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 'x'},
	 18,
	 WIRE_MALFORMED,
	 5},
	{"a frame over the limit",
	 {31, 0, 0, 0, 2, 6, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3},
	 35,
	 WIRE_TOO_LONG,
	 6},
};

static void odd_frames_are_stepped_over(void)
{
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct wire_in in = {.max = 30};
		struct wire_frame f;

		feed(&in, odd[i].bytes, odd[i].len);
		feed(&in, next_frame, sizeof(next_frame));
		is_int(wire_next(&in, &f), odd[i].event, "%s is noticed", odd[i].what);
		is_int(f.id, odd[i].id, "with its id");
		is_int(wire_next(&in, &f), WIRE_FRAME, "the next one is read");
		is_int(f.id, 77, "and is the right one");
		is_int(wire_next(&in, &f), WIRE_NOTHING, "then there is nothing");
		wire_in_free(&in);
	}
}

static void too_many_fields(void)
{
	struct wire_in in = {.max = 100};
	unsigned char bytes[4 + 9 + 8 * 4] = {9 + 8 * 4, 0, 0, 0, 1, 5};
	struct wire_frame f;

	feed(&in, bytes, sizeof(bytes));
	is_int(wire_next(&in, &f), WIRE_MALFORMED, "eight fields are one too many");
	is_int(f.id, 5, "the answer can be addressed");
	wire_in_free(&in);
}

/* However long a frame claims to be, what is kept of it is nothing. */
static void a_long_frame_takes_no_room(void)
{
	static const unsigned char head[] = {0, 0, 0, 64, WIRE_VERSION, 6, 0, 0, 0, 0, 0, 0, 0};
	static const unsigned char zeros[65536];
	struct wire_in in = {.max = 30};
	struct wire_frame f;
	size_t left = ((size_t)64 << 24) - 9;

	feed(&in, head, sizeof(head));
	is_int(wire_next(&in, &f), WIRE_TOO_LONG, "a frame of a gigabyte is noticed by its head");
	for (; left > sizeof(zeros); left -= sizeof(zeros))
		feed(&in, zeros, sizeof(zeros));
	feed(&in, zeros, left);
	ok(in.cap <= 8192, "its bytes are dropped as they come");
	feed(&in, next_frame, sizeof(next_frame));
	is_int(wire_next(&in, &f), WIRE_FRAME, "and the frame after it is read");
	wire_in_free(&in);
}

static void sockets_are_filled_and_drained(void)
{
	enum { BIG = 4 << 20 };
	static char text[BIG];
	int pair[2] = {-1, -1};
	struct wire_out out = {0};
	struct wire_in in = {.max = WIRE_REQUEST_MAX};
	struct wire_frame f;

	if (!ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0,
		"a pair of sockets"))
		return;
	is_int(wire_fill(&in, pair[1]), -1, "an empty socket has nothing");
	is_int(errno, EAGAIN, "yet");
	wire_put(&out, &(struct wire_frame){.kind = 1, .id = 1, .n = 1, .fields = {{text, BIG}}});
	int turns = 0;
	while (wire_next(&in, &f) == WIRE_NOTHING) {
		if (!wire_flush(&out, pair[0]) || wire_fill(&in, pair[1]) <= 0)
			break;
		turns++;
	}
	ok(turns > 2 && f.fields[0].len == BIG, "4 MiB go through in %d turns", turns);
	is_int(wire_pending(&out), 0, "nothing is left behind");
	ok(!out.bytes, "a large buffer is given back");
	is_int(wire_fill(&in, pair[1]), -1, "the socket is empty again");
	ok(in.cap <= 8192, "the reader's large buffer is given back too");
	close(pair[0]);
	is_int(wire_fill(&in, pair[1]), 0, "the end is noticed");
	wire_put(&out, &(struct wire_frame){.kind = 1});
	ok(!wire_flush(&out, pair[1]) && errno == EPIPE,
	   "writing to nobody fails without a signal");
	close(pair[1]);
	wire_in_free(&in);
	wire_out_free(&out);
}

int main(void)
{
	a_frame_has_its_bytes();
	pieces_do_not_matter(1);
	pieces_do_not_matter(7);
	pieces_do_not_matter(4096);
	pieces_do_not_matter(100000);
	odd_frames_are_stepped_over();
	too_many_fields();
	a_long_frame_takes_no_room();
	sockets_are_filled_and_drained();
	return tap_done();
}
