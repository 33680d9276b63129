/* json_out.h - writes JSON text straight into an arena, no tree in between.
 *
 * Commas are put by the writer. Strings must be UTF-8 (the database and the
 * draft readers see to that); quotes, backslashes and control characters are
 * escaped. Numbers are written shortest: the fewest digits that read back as
 * the same double, so 0.92 stays 0.92. Numbers that JSON has no word for
 * (NaN, infinities) become null.
 *
 *	struct json_out j = json_out_new(arena);
 *	jw_object(&j);
 *	jw_key(&j, "name"), jw_text(&j, m->name);
 *	jw_end_object(&j);
 *	use(j.text, j.len);
 */
#ifndef HALLMARK_BASE_JSON_OUT_H
#define HALLMARK_BASE_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct json_out {
	struct arena *arena;
	char *text; /* NUL-terminated after jw_done(); moves while it grows */
	size_t len, cap;
	bool comma; /* the next value needs one before it */
};

struct json_out json_out_new(struct arena *a);
/* With room for so many bytes, for what would grow to megabytes. */
struct json_out json_out_large(struct arena *a, size_t room);
const char *jw_done(struct json_out *j); /* ends the text with NUL, returns it */

void jw_object(struct json_out *j);
void jw_end_object(struct json_out *j);
void jw_array(struct json_out *j);
void jw_end_array(struct json_out *j);
void jw_key_plain(struct json_out *j, const char *key, size_t len);
void jw_key_any(struct json_out *j, const char *key, size_t len); /* a client's word */

void jw_text(struct json_out *j, const char *s); /* NULL becomes null */
void jw_textn(struct json_out *j, const char *s, size_t len);
void jw_int(struct json_out *j, int64_t v);
void jw_number(struct json_out *j, double v);
void jw_bool(struct json_out *j, bool v);
void jw_null(struct json_out *j);
void jw_hex(struct json_out *j, const void *bytes, size_t len);
void jw_raw(struct json_out *j, const char *json, size_t len); /* is JSON already */
void jw_tree(struct json_out *j, const json_t *tree);
const char *tree_text(struct arena *a, const json_t *tree); /* jw_tree() alone; NULL for NULL */

/* Microseconds since 1970 as "2026-01-13T22:03:16.123456Z", always with a
 * fraction of six digits; INT64_MIN becomes null. */
void jw_time(struct json_out *j, int64_t micros);

/* Shortest text of a finite double into buf of at least 32 bytes; its length. */
size_t number_text(double v, char *buf);

/* Keys are our own plain words; here, so that the compiler counts their letters. */
static inline void jw_key(struct json_out *j, const char *key)
{
	jw_key_plain(j, key, strlen(key));
}

#endif
