/* signer_wire.h - what goes over the socket between a loop and the signer.
 *
 * A stream of frames; all numbers are little-endian.
 *
 *	frame = u32 length of what follows | u8 kind | u64 id | field*
 *	field = u32 length | bytes
 *
 *	kind            fields
 *	KEYS            none
 *	ARTIFACT        key id (8 bytes), project, model, version, path, SHA-256 (32), BLAKE2b-512
 *(64) VERSION         key id (8 bytes), manifest, time (i64 microseconds since 1970) ANSWER_KEYS
 *the public keys held, 42 bytes each (base/minisign.h) ANSWER_TEXT     the signature file, or the
 *envelope ANSWER_REFUSED  why (u8 enum wire_refusal), and a line for people
 *
 * The loop chooses the id, the answer carries the same one. A frame of a length
 * that is not allowed is stepped over, so that the stream stays in step; its
 * answer is a refusal. Numbers here never change their meaning: while a release
 * is rolled out a new signer may speak to an old service.
 */
#ifndef HALLMARK_REGISTRY_SIGNER_WIRE_H
#define HALLMARK_REGISTRY_SIGNER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum wire_kind {
	WIRE_KEYS = 1,
	WIRE_ARTIFACT = 2,
	WIRE_VERSION = 3,
	WIRE_ANSWER_KEYS = 65,
	WIRE_ANSWER_TEXT = 66,
	WIRE_ANSWER_REFUSED = 67,
};

enum wire_refusal {
	WIRE_REFUSED_INVALID = 1,   /* the request makes no sense */
	WIRE_REFUSED_NO_KEY = 2,    /* the key is not held here */
	WIRE_REFUSED_TOO_LARGE = 3, /* over WIRE_REQUEST_MAX, or more than one request may take */
	WIRE_REFUSED_FAULT = 4,     /* the signer found its own signature bad */
	WIRE_REFUSED_NO_MEMORY = 5, /* the machine has none to spare now */
};

enum {
	WIRE_FIELDS = 7,
	WIRE_REQUEST_MAX = 64 << 20, /* 100,000 files with paths of 500 bytes fit well */
	WIRE_ANSWER_MAX = 128 << 20,
};

struct wire_field {
	const void *data;
	size_t len;
};

struct wire_frame {
	unsigned kind;
	uint64_t id;
	int n;
	struct wire_field fields[WIRE_FIELDS];
};

/* Bytes on their way in. Zeroed but for max, the longest frame that is taken. */
struct wire_in {
	size_t max;
	unsigned char *bytes;
	size_t at, len, cap;
	size_t skip; /* still to be dropped of a frame that was too long */
};

enum wire_event {
	WIRE_NOTHING,   /* not a whole frame yet */
	WIRE_FRAME,     /* a frame; it points into the buffer until the next call */
	WIRE_MALFORMED, /* its fields do not add up; kind and id are set, 0 if unknown */
	WIRE_TOO_LONG,  /* kind and id are set */
};

enum wire_event wire_next(struct wire_in *in, struct wire_frame *f);
/* Reads once what fd has. 0: the other end is gone. -1: errno, EAGAIN or a true error. */
ssize_t wire_fill(struct wire_in *in, int fd);
void wire_in_free(struct wire_in *in); /* back to empty, max is kept */

/* What wire_fill() stands on: room for more bytes (NULL: no memory), and how many came. */
void *wire_room(struct wire_in *in, size_t *room);
void wire_came(struct wire_in *in, size_t n);

/* Bytes on their way out; zeroed is empty. */
struct wire_out {
	unsigned char *bytes;
	size_t at, len, cap;
};

bool wire_put(struct wire_out *out, const struct wire_frame *f); /* false: no memory */
size_t wire_pending(const struct wire_out *out);
/* Writes what fd takes. False with errno set when the other end is gone. */
bool wire_flush(struct wire_out *out, int fd);
void wire_out_free(struct wire_out *out);

#endif
