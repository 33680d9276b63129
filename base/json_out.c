#include "base/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain.h"
#include "base/text.h"
#include "base/timestamp.h"

enum { FIRST_ROOM = 1024 };

struct json_out json_out_new(struct arena *a)
{
	return json_out_large(a, FIRST_ROOM);
}

struct json_out json_out_large(struct arena *a, size_t room)
{
	return (struct json_out){.arena = a, .text = arena_bytes(a, room), .cap = room};
}

/* Old rooms stay in the arena until its end: doubling keeps that below the text's size. */
static char *room(struct json_out *j, size_t more)
{
	if (j->cap - j->len < more) {
		size_t cap = j->cap * 2 > j->len + more ? j->cap * 2 : j->len + more;
		char *text = arena_bytes(j->arena, cap);

		memcpy(text, j->text, j->len);
		j->text = text;
		j->cap = cap;
	}
	return j->text + j->len;
}

static void put(struct json_out *j, const char *s, size_t len)
{
	memcpy(room(j, len), s, len);
	j->len += len;
}

static void value(struct json_out *j, const char *s, size_t len)
{
	char *p = room(j, len + 1);

	if (j->comma)
		*p++ = ',', j->len++;
	memcpy(p, s, len);
	j->len += len;
	j->comma = true;
}

static void open_with(struct json_out *j, const char *bracket)
{
	value(j, bracket, 1);
	j->comma = false;
}

static void close_with(struct json_out *j, const char *bracket)
{
	put(j, bracket, 1);
	j->comma = true;
}

void jw_object(struct json_out *j)
{
	open_with(j, "{");
}

void jw_end_object(struct json_out *j)
{
	close_with(j, "}");
}

void jw_array(struct json_out *j)
{
	open_with(j, "[");
}

void jw_end_array(struct json_out *j)
{
	close_with(j, "]");
}

const char *jw_done(struct json_out *j)
{
	*room(j, 1) = '\0';
	return j->text;
}

static size_t escape(unsigned char c, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *s = shorts; *s; s += 2) {
		if ((unsigned char)*s == c) {
			out[0] = '\\';
			out[1] = s[1];
			return 2;
		}
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

/* Six bytes for each that may need an escape: those behind the first that does. */
void jw_textn(struct json_out *j, const char *s, size_t len)
{
	size_t plain = plain_run(s, len);
	char *start = room(j, plain + (len - plain) * 6 + 3), *p = start;

	if (j->comma)
		*p++ = ',';
	*p++ = '"';
	for (;;) {
		memcpy(p, s, plain);
		p += plain, s += plain, len -= plain;
		if (len == 0)
			break;
		p += escape((unsigned char)*s, p);
		s++, len--;
		plain = plain_run(s, len);
	}
	*p++ = '"';
	j->len += (size_t)(p - start);
	j->comma = true;
}

void jw_text(struct json_out *j, const char *s)
{
	if (s)
		jw_textn(j, s, strlen(s));
	else
		jw_null(j);
}

void jw_key_any(struct json_out *j, const char *key, size_t len)
{
	jw_textn(j, key, len);
	put(j, ":", 1);
	j->comma = false;
}

void jw_key_plain(struct json_out *j, const char *key, size_t len)
{
	char *p = room(j, len + 4);

	if (j->comma)
		*p++ = ',', j->len++;
	*p++ = '"';
	memcpy(p, key, len);
	memcpy(p + len, "\":", 2);
	j->len += len + 3;
	j->comma = false;
}

void jw_int(struct json_out *j, int64_t v)
{
	char digits[TEXT_INT];
	const size_t len = text_int(v, digits);

	value(j, digits, len);
}

size_t number_text(double v, char *buf)
{
	int len = 0;

	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(buf, 32, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	return (size_t)len;
}

void jw_number(struct json_out *j, double v)
{
	char buf[32];

	if (!isfinite(v)) {
		jw_null(j);
		return;
	}
	size_t len = number_text(v, buf);
	value(j, buf, len);
}

void jw_bool(struct json_out *j, bool v)
{
	value(j, v ? "true" : "false", v ? 4 : 5);
}

void jw_null(struct json_out *j)
{
	value(j, "null", 4);
}

void jw_hex(struct json_out *j, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;
	char *start = room(j, len * 2 + 3), *p = start;

	if (j->comma)
		*p++ = ',';
	*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		*p++ = digits[b[i] >> 4];
		*p++ = digits[b[i] & 15];
	}
	*p++ = '"';
	j->len += (size_t)(p - start);
	j->comma = true;
}

void jw_raw(struct json_out *j, const char *json, size_t len)
{
	value(j, json, len);
}

void jw_time(struct json_out *j, int64_t micros)
{
	char buf[TIMESTAMP_TEXT];

	if (micros == INT64_MIN)
		jw_null(j);
	else
		jw_textn(j, buf, timestamp_text(micros, buf));
}

/* What a client wrote as 5.0 stays a real: its reader may tell the two apart. */
static void tree_real(struct json_out *j, double v)
{
	char buf[32 + 2];
	size_t len = number_text(v, buf);

	if (strcspn(buf, ".e") == len)
		len += (size_t)snprintf(buf + len, 3, ".0");
	value(j, buf, len);
}

static void tree_object(struct json_out *j, const json_t *tree)
{
	const char *key;
	const json_t *member;

	jw_object(j);
	json_object_foreach((json_t *)tree, key, member)
	{
		jw_key_any(j, key, strlen(key));
		jw_tree(j, member);
	}
	jw_end_object(j);
}

static void tree_array(struct json_out *j, const json_t *tree)
{
	jw_array(j);
	for (size_t i = 0; i < json_array_size(tree); i++)
		jw_tree(j, json_array_get(tree, i));
	jw_end_array(j);
}

/* The depth is bounded by the reader's (jansson stops at 2,048 levels). */
void jw_tree(struct json_out *j, const json_t *tree)
{
	switch (json_typeof(tree)) {
	case JSON_OBJECT:
		tree_object(j, tree);
		break;
	case JSON_ARRAY:
		tree_array(j, tree);
		break;
	case JSON_STRING:
		jw_textn(j, json_string_value(tree), json_string_length(tree));
		break;
	case JSON_INTEGER:
		jw_int(j, json_integer_value(tree));
		break;
	case JSON_REAL:
		tree_real(j, json_real_value(tree));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		jw_bool(j, json_is_true(tree));
		break;
	case JSON_NULL:
		jw_null(j);
		break;
	}
}

const char *tree_text(struct arena *a, const json_t *tree)
{
	struct json_out j = json_out_new(a);

	if (!tree)
		return NULL;
	jw_tree(&j, tree);
	return jw_done(&j);
}
