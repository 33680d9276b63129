/* args.h - the parameters of one statement, in their order.
 *
 *	struct args args = args_new(rq->arena);
 *	arg_text(&args, project);
 *	arg_int8(&args, limit);
 *
 * Numbers, bytes, uuids and times go in PostgreSQL's binary format, text and
 * JSON as text. A NULL pointer is SQL NULL. Text and bytes are borrowed: they
 * and the arena must live until the statement's reply. Arrays are copied, what
 * they hold included. More than ARGS_MAX is a bug of the caller's, and ends the
 * program.
 */
#ifndef HALLMARK_SQL_ARGS_H
#define HALLMARK_SQL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { ARGS_MAX = 48 };

struct bytes {
	const unsigned char *data; /* NULL: SQL NULL */
	size_t len;
};

struct args {
	struct arena *arena;
	int n;
	const char *value[ARGS_MAX];
	int length[ARGS_MAX]; /* of what is binary */
	int format[ARGS_MAX]; /* 0 text, 1 binary */
};

struct args args_new(struct arena *a);
size_t args_size(const struct args *s, int i); /* bytes of parameter i; 0: NULL */
uint64_t args_hash(const struct args *s);      /* the same for equal ones */
bool args_equal(const struct args *a, const struct args *b);
void arg_null(struct args *s);
void arg_text(struct args *s, const char *text); /* text, json, jsonb */
void arg_bytes(struct args *s, struct bytes b);
void arg_bool(struct args *s, bool v);
void arg_int4(struct args *s, int32_t v);
void arg_int8(struct args *s, int64_t v);
void arg_float8(struct args *s, double v);
void arg_uuid(struct args *s, const unsigned char *uuid); /* 16 bytes or NULL */
void arg_time(struct args *s, int64_t micros);            /* since 1970; INT64_MIN: NULL */

/* One-dimensional arrays; elements that are NULL pointers become NULL. */
void arg_text_array(struct args *s, const char *const *v, size_t n);
void arg_bytes_array(struct args *s, const struct bytes *v, size_t n);
void arg_int8_array(struct args *s, const int64_t *v, size_t n);
void arg_float8_array(struct args *s, const double *v, size_t n);
void arg_time_array(struct args *s, const int64_t *micros, size_t n); /* INT64_MIN: NULL */
void arg_uuid_array(struct args *s, const unsigned char (*v)[16], size_t n);

#endif
