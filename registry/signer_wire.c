#include "registry/signer_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LENGTH = 4,
	HEAD = 1 + 8, /* kind and id: the least that a frame holds */
	FIRST_ROOM = 4096,
	KEPT_ROOM = 64 * 1024, /* an empty buffer past this is given back */
};

static uint64_t number(const unsigned char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static unsigned char *put_number(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++, v >>= 8)
		*p++ = (unsigned char)v;
	return p;
}

/* ---- in ---- */

static void drop(struct wire_in *in, size_t n)
{
	in->at += n;
	if (in->at < in->len)
		return;
	in->at = in->len = 0;
}

static void drop_skipped(struct wire_in *in)
{
	size_t here = in->len - in->at;
	size_t n = in->skip < here ? in->skip : here;

	in->skip -= n;
	drop(in, n);
}

static bool read_fields(const unsigned char *p, size_t len, struct wire_frame *f)
{
	f->n = 0;
	while (len) {
		if (f->n == WIRE_FIELDS || len < LENGTH)
			return false;
		size_t n = number(p, LENGTH);
		if (n > len - LENGTH)
			return false;
		f->fields[f->n++] = (struct wire_field){p + LENGTH, n};
		p += LENGTH + n;
		len -= LENGTH + n;
	}
	return true;
}

static void read_head(const unsigned char *p, struct wire_frame *f)
{
	f->kind = *p;
	f->id = number(p + 1, 8);
}

/* A frame below the least or above the most is answered for once, and stepped over. */
static enum wire_event misfit(struct wire_in *in, size_t len, struct wire_frame *f)
{
	if (len < HEAD) {
		drop(in, LENGTH);
		in->skip = len;
		return WIRE_MALFORMED;
	}
	if (in->len - in->at < LENGTH + HEAD)
		return WIRE_NOTHING;
	read_head(in->bytes + in->at + LENGTH, f);
	drop(in, LENGTH);
	in->skip = len;
	return WIRE_TOO_LONG;
}

enum wire_event wire_next(struct wire_in *in, struct wire_frame *f)
{
	*f = (struct wire_frame){0};
	drop_skipped(in);
	if (in->skip || in->len - in->at < LENGTH)
		return WIRE_NOTHING;
	const unsigned char *p = in->bytes + in->at;
	size_t len = number(p, LENGTH);
	if (len < HEAD || len > in->max)
		return misfit(in, len, f);
	if (in->len - in->at - LENGTH < len)
		return WIRE_NOTHING;
	read_head(p + LENGTH, f);
	bool good = read_fields(p + LENGTH + HEAD, len - HEAD, f);
	drop(in, LENGTH + len);
	return good ? WIRE_FRAME : WIRE_MALFORMED;
}

void wire_in_free(struct wire_in *in)
{
	free(in->bytes);
	in->bytes = NULL;
	in->at = in->len = in->cap = in->skip = 0;
}

void *wire_room(struct wire_in *in, size_t *room)
{
	if (in->len == 0 && in->cap > KEPT_ROOM && !in->skip)
		wire_in_free(in);
	if (in->at) {
		memmove(in->bytes, in->bytes + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	if (in->cap - in->len < FIRST_ROOM / 4) {
		size_t cap = in->cap ? 2 * in->cap : FIRST_ROOM;
		unsigned char *bytes = realloc(in->bytes, cap);

		if (!bytes)
			return NULL;
		in->bytes = bytes;
		in->cap = cap;
	}
	*room = in->cap - in->len;
	return in->bytes + in->len;
}

void wire_came(struct wire_in *in, size_t n)
{
	in->len += n;
	drop_skipped(in);
}

ssize_t wire_fill(struct wire_in *in, int fd)
{
	size_t room;
	void *p = wire_room(in, &room);
	ssize_t n;

	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	do
		n = read(fd, p, room);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		wire_came(in, (size_t)n);
	return n;
}

/* ---- out ---- */

static bool reserve(struct wire_out *out, size_t more)
{
	if (out->cap - out->len >= more)
		return true;
	size_t cap = 2 * out->cap > out->len + more ? 2 * out->cap : out->len + more;
	unsigned char *bytes = realloc(out->bytes, cap < FIRST_ROOM ? FIRST_ROOM : cap);
	if (!bytes)
		return false;
	out->bytes = bytes;
	out->cap = cap < FIRST_ROOM ? FIRST_ROOM : cap;
	return true;
}

bool wire_put(struct wire_out *out, const struct wire_frame *f)
{
	size_t len = HEAD;

	for (int i = 0; i < f->n; i++)
		len += LENGTH + f->fields[i].len;
	if (len > UINT32_MAX || !reserve(out, LENGTH + len))
		return false;
	unsigned char *p = out->bytes + out->len;
	p = put_number(p, len, LENGTH);
	*p++ = (unsigned char)f->kind;
	p = put_number(p, f->id, 8);
	for (int i = 0; i < f->n; i++) {
		p = put_number(p, f->fields[i].len, LENGTH);
		if (f->fields[i].len)
			memcpy(p, f->fields[i].data, f->fields[i].len);
		p += f->fields[i].len;
	}
	out->len += LENGTH + len;
	return true;
}

size_t wire_pending(const struct wire_out *out)
{
	return out->len - out->at;
}

void wire_out_free(struct wire_out *out)
{
	free(out->bytes);
	*out = (struct wire_out){0};
}

bool wire_flush(struct wire_out *out, int fd)
{
	while (out->at < out->len) {
		ssize_t n = send(fd, out->bytes + out->at, out->len - out->at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		out->at += (size_t)n;
	}
	out->at = out->len = 0;
	if (out->cap > KEPT_ROOM)
		wire_out_free(out);
	return true;
}
