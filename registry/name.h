/* name.h - what a name may look like: one rule per kind of name.
 *
 * Every rule takes the text and where it stood (a JSON pointer or a parameter,
 * see problem_at), and answers with NO_PROBLEM or with what is wrong and what
 * would be right. Text that people read is valid UTF-8 in normal form C
 * (Unicode annex 15), so that two names which look the same are the same bytes,
 * and has no control characters and no marks that turn the reading direction.
 */
#ifndef HALLMARK_REGISTRY_NAME_H
#define HALLMARK_REGISTRY_NAME_H

#include <stddef.h>

#include "base/problem.h"

enum {
	NAME_MAX_BYTES = 255,
	PROJECT_MAX_BYTES = 63,
	ALIAS_MAX_BYTES = 128,
	PATH_MAX_BYTES = 1024,
	TAG_VALUE_MAX_BYTES = 8192,
	NOTE_MAX_BYTES = 4096,
	DESCRIPTION_MAX_BYTES = 64 * 1024,
	CARD_MAX_BYTES = 4 * 1024 * 1024,
};

/* Every rule has this shape, so tables can hold it. */
typedef struct problem name_rule(struct arena *a, const char *where, const char *s, size_t len);

name_rule name_project;   /* [a-z0-9][a-z0-9-]{0,62} */
name_rule name_model;     /* 1 to 255 bytes without / : @ \, no space at either end */
name_rule name_alias;     /* [A-Za-z0-9._-]{1,128}, no version, no v7, latest, newest */
name_rule name_path;      /* of an artifact: relative, / between segments, 1,024 bytes */
name_rule name_tag;       /* the key of a tag: 1 to 255 bytes without = */
name_rule name_tag_value; /* up to 8,192 bytes, line ends allowed */
name_rule name_metric;    /* 1 to 255 bytes without < > = ! @ [ ] , */
name_rule name_dataset;   /* that a metric was measured on: the same, may be empty */
name_rule name_slice;     /* of that dataset: up to 255 bytes without [ ] */
name_rule name_param;     /* a training parameter's name: 1 to 255 bytes */
name_rule name_note;      /* prose for people, a reason say: 1 to 4,096 bytes, line ends allowed */
name_rule name_description; /* prose, up to 64 KiB */
name_rule name_card;        /* a model card, Markdown, up to 4 MiB */

#endif
