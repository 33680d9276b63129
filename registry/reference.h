/* reference.h - how a version is named, wherever one is.
 *
 *	1.4.2             that version; v1.4.2 is the same
 *	1.4.2+b7          that build of it; without "+…" any build matches
 *	^1.4  ~1.4.0  1.x  >=1.2 <2
 *	                  the highest published version in the range
 *	latest  *         the highest published release
 *	newest            the one published last
 *	@champion         where an alias points
 *	v7                the seventh version of the model
 *
 * What a range may say stands in registry/version_range.h.
 */
#ifndef HALLMARK_REGISTRY_REFERENCE_H
#define HALLMARK_REGISTRY_REFERENCE_H

#include <stdint.h>

#include "base/json_out.h"
#include "base/problem.h"
#include "registry/version_range.h"
#include "sql/args.h"

enum { REFERENCE_MAX = 1024, REFERENCE_KEYS = RANGE_KEYS };

enum reference_kind {
	REFERENCE_EXACT,
	REFERENCE_RANGE,
	REFERENCE_NEWEST,
	REFERENCE_ALIAS,
	REFERENCE_ORDINAL,
};

struct reference {
	enum reference_kind kind;
	const char *text; /* as it was written, in the arena */
	/* EXACT: the version's key. RANGE: those of a struct version_range. */
	struct bytes keys[REFERENCE_KEYS];
	size_t nkeys;
	/* EXACT: the canonical version when it names build metadata, else NULL.
	 * ALIAS: its name without @. ORDINAL: its digits. */
	const char *word;
};

/* INVALID at where (see problem_at) says what to write instead. */
struct problem reference_read(struct arena *a, const char *where, const char *s, size_t len,
			      struct reference *out) MUST_CHECK;

/* The three parameters that every statement takes for a reference:
 * text kind ('exact', 'range', 'newest', 'alias', 'ordinal'), bytea[] keys, text word. */
void reference_args(struct args *args, const struct reference *r);
const char *reference_kind_name(enum reference_kind kind);

/* The same as JSON, for statements that take many: {"project", "model", "kind",
 * "keys": [hex or null], "word"}. */
void reference_write(struct json_out *j, const char *project, const char *model,
		     const struct reference *r);

/* "project/model@reference", how a version is named from outside its model. */
struct version_name {
	const char *project, *model;
	struct reference reference;
};
struct problem version_name_read(struct arena *a, const char *where, const char *s, size_t len,
				 struct version_name *out) MUST_CHECK;

#endif
