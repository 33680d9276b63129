/* JSON bodies: any bytes are read or refused; every fault has valid text and a pointer,
 * there are never more than DRAFT_FAULTS, and what was read keeps within its limits. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/json_in.h"
#include "base/json_memory.h"
#include "base/json_out.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
	const char *name;
	double value;
};
struct body {
	const char *text;
	int64_t number, at;
	double share;
	bool fast, has_text;
	int word;
	const json_t *object, *array, *any;
	struct draft_list items;
};

static const char *const words[] = {"red", "green", NULL};
static const struct draft_field item_fields[] = {
	{DRAFT_MEMBER(struct item, name, DRAFT_TEXT), .required = true, .max = 16},
	{DRAFT_MEMBER(struct item, value, DRAFT_NUMBER)},
};
static const struct draft_shape item_shape = DRAFT_SHAPE(struct item, item_fields);
static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct body, text, DRAFT_TEXT), .nullable = true,
	 .given = offsetof(struct body, has_text)},
	{DRAFT_MEMBER(struct body, number, DRAFT_INT), .min = -5, .max = 10},
	{DRAFT_MEMBER(struct body, at, DRAFT_TIME)},
	{DRAFT_MEMBER(struct body, share, DRAFT_NUMBER)},
	{DRAFT_MEMBER(struct body, fast, DRAFT_BOOL)},
	{DRAFT_MEMBER(struct body, word, DRAFT_WORD), .words = words},
	{DRAFT_MEMBER(struct body, object, DRAFT_OBJECT)},
	{DRAFT_MEMBER(struct body, array, DRAFT_ARRAY), .max = 3},
	{DRAFT_MEMBER(struct body, any, DRAFT_ANY)},
	{DRAFT_MEMBER(struct body, items, DRAFT_LIST), .shape = &item_shape},
};
static const struct draft_shape shape = DRAFT_SHAPE(struct body, fields);

static void check_faults(const struct problem *p)
{
	int n = 0;

	for (const struct problem_error *e = p->errors; e; e = e->next, n++) {
		if (!e->pointer || !utf8_valid(e->pointer, strlen(e->pointer)) ||
		    !utf8_valid(e->detail, strlen(e->detail)))
			abort();
	}
	if (n == 0 || n > DRAFT_FAULTS)
		abort();
}

static void check_body(struct arena *a, const struct body *b)
{
	struct json_out j = json_out_new(a);

	if (b->number != INT64_MIN && (b->number < -5 || b->number > 10))
		abort();
	if (b->word < -1 || b->word > 1 || isinf(b->share) || json_array_size(b->array) > 3)
		abort();
	if (b->any)
		jw_tree(&j, b->any);
	json_t *again = NULL;
	if (b->object) {
		j = json_out_new(a);
		jw_tree(&j, b->object);
		if (json_in(a, j.text, j.len, &again).code || !json_equal(again, b->object))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 8192)
		return 0;
	struct arena *a = arena_new(16 << 20);
	struct body b;
	const struct problem p = draft_body(a, (const char *)data, size, &shape, &b);

	if (p.code == PROBLEM_NONE)
		check_body(a, &b);
	else
		check_faults(&p);
	arena_free(a);
	return 0;
}
