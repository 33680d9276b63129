/* draft.h - a JSON body becomes a C struct, the strict way, by a table.
 *
 * A shape lists the members that an object may have. Reading an object by its
 * shape checks every member's type, length, range and rule, names every member
 * that the shape does not know, and goes on after a fault: the client hears all
 * that is wrong with a body at once (up to DRAFT_FAULTS), each with its JSON
 * pointer (RFC 6901).
 *
 *	struct thing { const char *name; int64_t size; bool has_size; };
 *	static const struct draft_field thing_fields[] = {
 *		{DRAFT_MEMBER(struct thing, name, DRAFT_TEXT), .required = true,
 *		 .rule = name_model},
 *		{DRAFT_MEMBER(struct thing, size, DRAFT_INT), .max = 100,
 *		 .given = offsetof(struct thing, has_size)},
 *	};
 *	static const struct draft_shape thing_shape = DRAFT_SHAPE(struct thing, thing_fields);
 *
 *	TRY(draft_body(arena, body, len, &thing_shape, &thing));
 *
 * Text, lists and JSON values point into the arena: a draft lives as long as
 * the request. What is absent (or null, where null is allowed) has these values:
 * text and JSON NULL, int and time INT64_MIN, number NAN, bool false, word -1,
 * list {NULL, 0}.
 */
#ifndef HALLMARK_BASE_DRAFT_H
#define HALLMARK_BASE_DRAFT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"

enum { DRAFT_FAULTS = 20 };

enum draft_type {
	DRAFT_TEXT,   /* const char * */
	DRAFT_INT,    /* int64_t; 3.0 is no integer */
	DRAFT_NUMBER, /* double, finite */
	DRAFT_BOOL,   /* bool */
	DRAFT_TIME,   /* int64_t microseconds since 1970, from an RFC 3339 string */
	DRAFT_WORD,   /* int: the place of the text in words[] */
	DRAFT_OBJECT, /* const json_t * */
	DRAFT_ARRAY,  /* const json_t * */
	DRAFT_ANY,    /* const json_t *, any type but null */
	DRAFT_LIST,   /* struct draft_list: an array of objects of one shape */
};

struct draft_list {
	void *items; /* an array of the shape's structs */
	size_t n;
};

/* The faults found so far in one body. */
struct draft;
struct draft_shape;

struct draft_field {
	const char *name;
	enum draft_type type;
	uint32_t offset;
	/* INT: the range. TEXT: bytes. OBJECT, ARRAY, LIST: members or items. Both 0: any. */
	int64_t min, max;
	/* TEXT: the meaning, where is the member's pointer (registry/name.h has such rules). */
	struct problem (*rule)(struct arena *a, const char *where, const char *s, size_t len);
	const char *const *words;        /* WORD: ends with NULL */
	const struct draft_shape *shape; /* LIST: of each item */
	/* OBJECT, ARRAY, ANY: looks further into the value. */
	void (*look)(struct draft *d, const char *pointer, const json_t *value);
	uint32_t given; /* offset of a bool: was the member there, null included? 0: not wanted */
	bool required;  /* a fault when absent */
	bool nullable;  /* null is allowed and counts as absent; see given */
};

struct draft_shape {
	const struct draft_field *fields;
	size_t nfields;
	size_t size; /* of the struct */
	/* Rules over several members; called when each by itself was right. */
	void (*check)(struct draft *d, const char *pointer, void *out);
};

/* The head of a row, for a member that C and JSON call alike. */
#define DRAFT_MEMBER(struct_, member, type_)                                                       \
	.name = #member, .type = (type_), .offset = offsetof(struct_, member)

#define DRAFT_SHAPE(type, table)                                                                   \
	{                                                                                          \
		(table), sizeof(table) / sizeof((table)[0]), sizeof(type), NULL                    \
	}
#define DRAFT_SHAPE_CHECKED(type, table, check)                                                    \
	{                                                                                          \
		(table), sizeof(table) / sizeof((table)[0]), sizeof(type), (check)                 \
	}

/* The whole way: parse the bytes, read the object by its shape into out. */
struct problem draft_body(struct arena *a, const char *bytes, size_t len,
			  const struct draft_shape *shape, void *out) MUST_CHECK;

/* The parts, for bodies that are read in several steps. */
struct draft *draft_new(struct arena *a);
struct arena *draft_arena(const struct draft *d);
bool draft_read(struct draft *d, const char *pointer, const json_t *value,
		const struct draft_shape *shape, void *out); /* false: it added faults */
void draft_fault(struct draft *d, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void draft_add(struct draft *d, struct problem p);    /* a rule's answer; NO_PROBLEM adds nothing */
struct problem draft_end(struct draft *d) MUST_CHECK; /* NO_PROBLEM, or INVALID with all of them */

/* "/metrics" + "a/b" -> "/metrics/a~1b"; "/metrics" + 3 -> "/metrics/3". */
const char *pointer_member(struct arena *a, const char *pointer, const char *name);
const char *pointer_item(struct arena *a, const char *pointer, size_t i);

#endif
