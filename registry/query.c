#include "registry/query.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/filter.h"
#include "registry/name.h"
#include "registry/reference.h"
#include "sql/row.h"

enum { WORDS_MAX = 16, LISTED_MAX = 32 };

/* --- one parameter --- */

/* 'word':* & 'other':*; what could be an operator is quoted away. */
static const char *tsquery(struct arena *a, const char *s)
{
	struct json_out out = json_out_new(a); /* a text that grows */
	int words = 0;

	out.comma = false;
	for (s += strspn(s, " \t\n"); *s && words < WORDS_MAX; s += strspn(s, " \t\n"), words++) {
		size_t len = strcspn(s, " \t\n"), n = 0;
		char *word = arena_bytes(a, len * 2 + 16);

		n += (size_t)sprintf(word, "%s'", words ? " & " : "");
		for (; len; len--, s++) {
			if (*s == '\'' || *s == '\\')
				word[n++] = *s;
			word[n++] = *s;
		}
		memcpy(word + n, "':*", 3);
		jw_raw(&out, word, n + 3);
		out.comma = false;
	}
	return jw_done(&out);
}

static struct problem take_words(struct args *args, const struct query_rule *rule, const char *s)
{
	if (s[strspn(s, " \t\n")] == '\0')
		return problem_at_parameter(args->arena, rule->parameter,
					    "write a word to look for");
	arg_text(args, tsquery(args->arena, s));
	return NO_PROBLEM;
}

static struct problem take_tag(struct args *args, struct list_choice *choice,
			       const struct query_rule *rule, const char *s)
{
	struct tag_filter tag;

	TRY(filter_tag(args->arena, rule->parameter, s, &tag));
	TRY(list_choose(args->arena, choice, rule->filter + (tag.value != NULL)));
	if (!tag.value) {
		arg_text(args, tag.key);
		return NO_PROBLEM;
	}
	struct json_out j = json_out_new(args->arena);
	jw_object(&j);
	jw_key_any(&j, tag.key, strlen(tag.key)), jw_text(&j, tag.value);
	jw_end_object(&j);
	arg_text(args, jw_done(&j));
	return NO_PROBLEM;
}

static struct problem take_metric(struct args *args, struct list_choice *choice,
				  const struct query_rule *rule, const char *s)
{
	struct metric_filter m;

	TRY(filter_metric(args->arena, rule->parameter, s, &m));
	TRY(list_choose(args->arena, choice, rule->filter + (int)m.op));
	arg_text(args, m.metric.name);
	arg_float8(args, m.value);
	arg_text(args, m.metric.dataset);
	arg_text(args, m.metric.slice);
	return NO_PROBLEM;
}

static struct problem any_word(struct arena *a, const char *where, const char *s, size_t len)
{
	(void)s;
	return len > 0 ? NO_PROBLEM : problem_at_parameter(a, where, "a word is empty");
}

/* An index in the order that is asked for serves one word, and no list of them. */
static struct problem take_listed(struct args *args, struct list_choice *choice,
				  const struct query_rule *rule, const char *s)
{
	struct filter_list list;
	int ignored;

	TRY(filter_names(args->arena, rule->parameter, s, any_word, LISTED_MAX, &list));
	for (size_t i = 0; rule->words && i < list.n; i++)
		TRY(filter_word(args->arena, rule->parameter, list.items[i], rule->words,
				&ignored));
	TRY(list_choose(args->arena, choice, rule->filter + (list.n > 1)));
	if (list.n > 1)
		arg_text_array(args, list.items, list.n);
	else
		arg_text(args, list.items[0]);
	return NO_PROBLEM;
}

/* Intervals are half-open: below every key, above every key; one that the range does not
 * have is empty. */
static struct bytes range_bound(const struct reference *ref, size_t i)
{
	static const struct bytes lowest = {(const void *)"", 0},
				  highest = {(const void *)"\xff", 1};
	const bool upper = i % 2;

	if (i >= ref->nkeys)
		return upper ? lowest : highest;
	if (!ref->keys[i].data)
		return upper ? highest : lowest;
	return ref->keys[i];
}

static struct problem take_range(struct args *args, const struct query_rule *rule, const char *s)
{
	struct reference ref;

	TRY(reference_read(args->arena, rule->parameter, s, strlen(s), &ref));
	if (ref.kind != REFERENCE_RANGE)
		return problem_at_parameter(args->arena, rule->parameter,
					    "write a range, such as ^1.2 or >=1.2 <2");
	for (size_t i = 0; i < REFERENCE_KEYS; i++)
		arg_bytes(args, range_bound(&ref, i));
	return NO_PROBLEM;
}

static struct problem take(struct args *args, struct list_choice *choice,
			   const struct query_rule *rule, const char *s)
{
	int64_t at;

	if (rule->kind == QUERY_TAG)
		return take_tag(args, choice, rule, s);
	if (rule->kind == QUERY_METRIC)
		return take_metric(args, choice, rule, s);
	if (rule->kind == QUERY_WORD)
		return take_listed(args, choice, rule, s);
	TRY(list_choose(args->arena, choice, rule->filter));
	switch (rule->kind) {
	case QUERY_WORDS:
		return take_words(args, rule, s);
	case QUERY_RANGE:
		return take_range(args, rule, s);
	case QUERY_MODEL:
		if (!strchr(s, '/'))
			return problem_at_parameter(args->arena, rule->parameter,
						    "write project/model");
		arg_text(args, s);
		return NO_PROBLEM;
	case QUERY_TIME:
		TRY(filter_time(args->arena, rule->parameter, s, &at));
		arg_time(args, at);
		return NO_PROBLEM;
	default:
		if (!*s)
			return problem_at_parameter(args->arena, rule->parameter,
						    "write a text to look for");
		arg_text(args, s);
		return NO_PROBLEM;
	}
}

/* What one more filter, the key of a next page and the limit may need. */
static struct problem has_room(const struct args *args)
{
	if (args->n + 2 * LIST_TYPES + 1 > ARGS_MAX)
		return problem(args->arena, PROBLEM_INVALID,
			       "there are too many filters; ask with fewer of them");
	return NO_PROBLEM;
}

/* --- the order, and where the page begins --- */

static const char *value_of(const struct query_ask *ask, const char *parameter)
{
	for (int i = 0; i < ask->nvalues; i++)
		if (strcmp(ask->values[i].parameter, parameter) == 0)
			return ask->values[i].value;
	return NULL;
}

static struct problem take_sort(struct args *args, struct list_choice *choice,
				const struct query_list *list, const struct query_ask *ask)
{
	const char *asked = value_of(ask, "sort");
	int nsorts = 0;
	struct sort sort;

	while (list->sorts[nsorts])
		nsorts++;
	TRY(filter_sort(args->arena, "sort", asked ? asked : list->sort, list->sorts,
			list->by_metric, &sort));
	choice->order = (sort.key < 0 ? 2 * nsorts : 2 * sort.key) + sort.descending;
	if (sort.key < 0) {
		arg_text(args, sort.metric.name);
		arg_text(args, sort.metric.dataset ? sort.metric.dataset : "");
		arg_text(args, sort.metric.slice ? sort.metric.slice : "");
	}
	return NO_PROBLEM;
}

/* Tokens are authenticated: one that does not fit is our own fault or an old release's. */
static struct problem take_key(struct args *args, unsigned type, const json_t *v)
{
	const char *s = json_string_value(v);
	unsigned char *bytes = s ? arena_bytes(args->arena, strlen(s) / 2 + 1) : NULL;

	switch (type) {
	case OID_TEXT:
		if (s)
			arg_text(args, s);
		break;
	case OID_UUID:
	case OID_BYTEA:
		if (!s || !hex_read(bytes, strlen(s) / 2, s, strlen(s)))
			s = NULL;
		else if (type == OID_UUID)
			arg_uuid(args, bytes);
		else
			arg_bytes(args, (struct bytes){bytes, strlen(s) / 2});
		break;
	case OID_INT8:
		arg_int8(args, json_integer_value(v));
		return NO_PROBLEM;
	case OID_TIMESTAMPTZ:
		arg_time(args, json_integer_value(v));
		return NO_PROBLEM;
	case OID_FLOAT8:
		arg_float8(args, json_number_value(v));
		return NO_PROBLEM;
	default:
		s = NULL;
	}
	return s ? NO_PROBLEM
		 : problem(args->arena, PROBLEM_BAD_PAGE_TOKEN,
			   "page_token is not one that this list gave");
}

static struct problem take_after(struct args *args, const struct list_order *order,
				 const json_t *after)
{
	for (size_t i = 0; i < LIST_TYPES && order->after.types[i]; i++)
		TRY(take_key(args, order->after.types[i], json_array_get(after, i)));
	return NO_PROBLEM;
}

struct problem query_statement(struct list_cache *cache, struct args *args,
			       const struct query_list *list, const struct query_ask *ask,
			       const struct statement **out)
{
	struct list_choice choice = {.spec = list->spec, .next = ask->after != NULL};

	TRY(take_sort(args, &choice, list, ask));
	for (int i = 0; i < ask->nvalues; i++)
		for (int r = 0; r < list->nrules; r++)
			if (strcmp(ask->values[i].parameter, list->rules[r].parameter) == 0) {
				TRY(has_room(args));
				TRY(take(args, &choice, &list->rules[r], ask->values[i].value));
			}
	if (choice.next)
		TRY(take_after(args, &list->spec->orders[choice.order], ask->after));
	arg_int8(args, ask->limit);
	return list_statement(cache, args->arena, &choice, out);
}

/* --- the key of a row --- */

struct key {
	const char *text;
	int64_t number;
	double real;
	unsigned char uuid[16];
	struct bytes bytes;
};

static void write_key(struct arena *a, struct json_out *j, const PGresult *res, int row, int field)
{
	const Oid type = PQftype(res, field);
	struct column c = {.name = PQfname(res, field), .type = type};
	struct key k = {0};

	c.offset = type == OID_TEXT     ? offsetof(struct key, text)
		   : type == OID_FLOAT8 ? offsetof(struct key, real)
		   : type == OID_UUID   ? offsetof(struct key, uuid)
		   : type == OID_BYTEA  ? offsetof(struct key, bytes)
					: offsetof(struct key, number);
	if (row_find(a, res, row, &c, 1, &k).code != PROBLEM_NONE)
		jw_null(j);
	else if (type == OID_TEXT)
		jw_text(j, k.text);
	else if (type == OID_FLOAT8)
		jw_number(j, k.real);
	else if (type == OID_UUID)
		jw_hex(j, k.uuid, sizeof(k.uuid));
	else if (type == OID_BYTEA)
		jw_hex(j, k.bytes.data, k.bytes.len);
	else
		jw_int(j, k.number);
}

const char *query_key(struct arena *a, const PGresult *res, int row)
{
	struct json_out j = json_out_new(a);
	char name[] = "key1";

	jw_array(&j);
	for (int field; (field = row_column(res, name)) >= 0; name[3]++)
		write_key(a, &j, res, row, field);
	jw_end_array(&j);
	return jw_done(&j);
}
