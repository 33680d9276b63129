/* Lists: the first byte chooses one and says whether a page comes after another; then a query, and
 * behind a line end the key of the last row. The SQL that is assembled consists of the tables'
 * constant texts and nothing else, its parameters are counted from $1 up, and each has a value of
 * its type. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/target.h"
#include "base/json_in.h"
#include "base/json_memory.h"
#include "base/utf8.h"
#include "registry/event_query.h"
#include "registry/model_query.h"
#include "registry/version_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct query_list *const lists[] = {&model_query, &version_query, &event_query};
enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

static void must(bool good)
{
	if (!good)
		abort();
}

/* ---- an independent reading of the SQL ---- */

static const char *const glue[] = {" WHERE ", " AND ", " ORDER BY ", " LIMIT $?", " "};
enum { GLUE = sizeof(glue) / sizeof(glue[0]) };

/* The i-th text that a statement of this list may have in it; NULL behind the last. */
static const char *piece(const struct list_spec *s, int i)
{
	const char *whole[] = {s->columns, s->from, s->where.text ? s->where.text : ""};

	if (i < 3)
		return whole[i];
	i -= 3;
	if (i < GLUE)
		return glue[i];
	i -= GLUE;
	if (i < s->nfilters)
		return s->filters[i].clause.text;
	i -= s->nfilters;
	if (i >= 5 * s->norders)
		return NULL;
	const struct list_order *o = &s->orders[i / 5];
	const char *of_order[] = {o->columns, o->join.text, o->only, o->order_by, o->after.text};
	return of_order[i % 5] ? of_order[i % 5] : "";
}

/* How much of the text the piece is; 0 when it does not begin with it. What a piece writes as "$?",
 * "$?1" or "$1" is "$?" in the text. */
static size_t length_as(const char *text, const char *piece)
{
	const char *t = text;

	while (*piece) {
		if (*t++ != *piece)
			return 0;
		if (*piece++ != '$')
			continue;
		if (*t++ != '?')
			return 0;
		piece += *piece == '?';
		piece += strspn(piece, "0123456789");
	}
	return (size_t)(t - text);
}

/* The longest of them with which the text goes on. */
static size_t longest(const struct list_spec *s, const char *text)
{
	size_t best = 0;

	for (int i = 0; piece(s, i); i++) {
		const size_t len = length_as(text, piece(s, i));

		best = len > best ? len : best;
	}
	return best;
}

/* "$1" and so on become "$?" again; returns the highest number. */
static int unnumbered(char *sql)
{
	char *to = sql;
	int highest = 0;

	for (const char *s = sql; *s;) {
		*to++ = *s;
		if (*s++ != '$')
			continue;
		char *end;
		const int number = (int)strtol(s, &end, 10);
		must(end != s && number >= 1);
		highest = number > highest ? number : highest;
		*to++ = '?';
		s = end;
	}
	*to = '\0';
	return highest;
}

static void check_sql(struct arena *a, const struct list_spec *spec, const struct statement *s)
{
	char *sql = arena_dup(a, s->sql, strlen(s->sql)), number[16];

	for (int i = 1; i <= s->nparams; i++) {
		snprintf(number, sizeof(number), "$%d", i);
		must(strstr(sql, number) != NULL);
	}
	must(unnumbered(sql) == s->nparams);
	for (size_t len; *sql; sql += len) {
		len = longest(spec, sql);
		must(len > 0);
	}
}

/* Behind those of where, which the asker gives. */
static void check_values(const struct args *args, int given, const struct statement *s)
{
	must(args->n == s->nparams);
	for (int i = given; i < args->n; i++) {
		const bool text = s->types[i] == OID_TEXT || s->types[i] == OID_JSONB;
		const char *value = args->value[i];

		must(!value || (args->format[i] == 0) == text);
		must(!value || !text || utf8_valid(value, strlen(value)));
	}
}

/* ---- from the query to the statement ---- */

static const json_t *after_of(struct arena *a, const char *text)
{
	json_t *key = NULL;

	return text && json_in(a, text, strlen(text), &key).code == PROBLEM_NONE ? key : NULL;
}

static struct problem ask(struct arena *a, struct list_cache *cache, const struct query_list *list,
			  const char *query, const char *after)
{
	struct args args = args_new(a);
	struct query_value values[TARGET_QUERY];
	struct query_ask asked = {.values = values, .after = after_of(a, after), .limit = 51};
	const struct statement *s;
	struct target t;

	TRY(target_read(a, arena_printf(a, "/l?%s", query), &t));
	for (int i = 0; i < t.nquery; i++)
		values[asked.nvalues++] =
			(struct query_value){t.query[i].name.text, t.query[i].value.text};
	for (int i = 0; i < LIST_TYPES && list->spec->where.types[i]; i++)
		arg_text(&args, "default");
	const int given = args.n;
	TRY(query_statement(cache, &args, list, &asked, &s));
	check_sql(a, list->spec, s);
	check_values(&args, given, s);
	return NO_PROBLEM;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list_cache *cache;

	if (size < 1 || size > 8192)
		return 0;
	if (!cache)
		cache = list_cache_new(1000, 8); /* small: shapes come and go */
	struct arena *a = arena_new(16 << 20);
	struct arena *outer = json_use_arena(a);
	char *query = arena_dup(a, (const char *)data + 1, size - 1);
	char *after = strchr(query, '\n');

	if (after)
		*after++ = '\0';
	const struct problem p = ask(a, cache, lists[data[0] % LISTS], query, after);
	if (p.code != PROBLEM_NONE)
		must(p.detail && utf8_valid(p.detail, strlen(p.detail)));
	json_use_arena(outer);
	arena_free(a);
	return 0;
}
