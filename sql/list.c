#include "sql/list.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64 };

/* A shape once assembled. Arenas hold it while a request may still run it, so one
 * that is given up meanwhile (dropped) ends with the last of them. */
struct shape {
	struct statement statement;
	struct list_choice choice;
	struct shape *next;          /* in its bucket */
	struct shape *newer, *older; /* by last use */
	int holds;
	bool dropped;
	char name[NAME];
	unsigned types[ARGS_MAX];
	char sql[];
};

struct list_cache {
	int first_id, next_id, limit, count;
	struct shape *newest, *oldest;
	uint32_t mask;
	struct shape *buckets[];
};

struct list_cache *list_cache_new(int first_id, int limit)
{
	uint32_t buckets = 16;

	while (buckets < (uint32_t)limit)
		buckets *= 2;
	struct list_cache *c = calloc(1, sizeof(*c) + buckets * sizeof(struct shape *));
	if (!c)
		return NULL;
	c->first_id = c->next_id = first_id;
	c->limit = limit;
	c->mask = buckets - 1;
	return c;
}

/* ---- the cache ------------------------------------------------------------------- */

/* FNV-1a over what makes a shape (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint32_t hash_bytes(uint32_t h, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 16777619U;
	return h;
}

static struct shape **bucket_of(struct list_cache *c, const struct list_choice *choice)
{
	const unsigned char head[] = {(unsigned char)choice->order, choice->next};
	uint32_t h = hash_bytes(2166136261U, &choice->spec, sizeof(const struct list_spec *));

	h = hash_bytes(h, head, sizeof(head));
	return &c->buckets[hash_bytes(h, choice->filters, (size_t)choice->nfilters) & c->mask];
}

static bool same(const struct list_choice *a, const struct list_choice *b)
{
	return a->spec == b->spec && a->order == b->order && a->next == b->next &&
	       a->nfilters == b->nfilters &&
	       memcmp(a->filters, b->filters, (size_t)a->nfilters) == 0;
}

static void unlink_use(struct list_cache *c, struct shape *s)
{
	*(s->newer ? &s->newer->older : &c->newest) = s->older;
	*(s->older ? &s->older->newer : &c->oldest) = s->newer;
}

static void link_use(struct list_cache *c, struct shape *s)
{
	s->newer = NULL;
	s->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = s;
	c->newest = s;
}

static void drop_oldest(struct list_cache *c)
{
	struct shape *s = c->oldest, **at = bucket_of(c, &s->choice);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	unlink_use(c, s);
	c->count--;
	s->dropped = true;
	if (s->holds == 0)
		free(s);
}

void list_cache_free(struct list_cache *c)
{
	if (!c)
		return;
	while (c->oldest) {
		assert(c->oldest->holds == 0);
		drop_oldest(c);
	}
	free(c);
}

static void release(void *what)
{
	struct shape *s = what;

	if (--s->holds == 0 && s->dropped)
		free(s);
}

static struct shape *find(struct list_cache *c, const struct list_choice *choice)
{
	struct shape *s = *bucket_of(c, choice);

	while (s && !same(&s->choice, choice))
		s = s->next;
	if (s) {
		unlink_use(c, s);
		link_use(c, s);
	}
	return s;
}

static void add(struct list_cache *c, struct shape *s)
{
	struct shape **bucket;

	if (c->count == c->limit)
		drop_oldest(c);
	bucket = bucket_of(c, &s->choice);
	s->next = *bucket;
	*bucket = s;
	link_use(c, s);
	c->count++;
	s->statement.id = c->next_id;
	c->next_id = c->next_id == INT_MAX ? c->first_id : c->next_id + 1;
	snprintf(s->name, sizeof(s->name), "%.40s_%d", s->choice.spec->name, s->statement.id);
}

/* ---- assembling ------------------------------------------------------------------ */

static int count_types(const struct list_clause *clause)
{
	int n = 0;

	while (n < LIST_TYPES && clause->types[n])
		n++;
	return n;
}

/* A choice's clauses in the order of their arguments, and how each is joined on. */
struct part {
	const char *before;
	const struct list_clause *clause;
};

enum { PARTS = LIST_CHOSEN + 3 };

static int list_parts(const struct list_choice *choice, struct part parts[PARTS])
{
	const struct list_spec *spec = choice->spec;
	const struct list_order *order = &spec->orders[choice->order];
	int n = 0;

	parts[n++] = (struct part){" WHERE ", &spec->where};
	parts[n++] = (struct part){" ", &order->join};
	for (int i = 0; i < choice->nfilters; i++)
		parts[n++] = (struct part){" AND ", &spec->filters[choice->filters[i]].clause};
	if (choice->next)
		parts[n++] = (struct part){" AND ", &order->after};
	return n;
}

static int count_params(const struct part *parts, int nparts)
{
	int n = 1; /* the limit */

	for (int i = 0; i < nparts; i++)
		n += count_types(parts[i].clause);
	return n;
}

struct text {
	char *end;
	const char *limit;
};

static void put(struct text *t, const char *s, size_t len)
{
	assert((size_t)(t->limit - t->end) > len);
	memcpy(t->end, s, len);
	t->end += len;
	*t->end = '\0';
}

static void puts_to(struct text *t, const char *s)
{
	put(t, s ? s : "", s ? strlen(s) : 0);
}

/* Writes the number of a parameter: the clause's next, or where a digit follows "$?" the one
 * of that place. Returns what stands behind it. */
static const char *put_number(struct text *t, const char *hole, int first, int *next)
{
	const char *s = hole + 2;
	const bool again = *s >= '1' && *s <= '9';
	char number[16];
	const int n = again ? first + (*s++ - '1') : (*next)++;

	assert(n < *next);
	const int len = snprintf(number, sizeof(number), "$%d", n);
	put(t, number, (size_t)len);
	return s;
}

/* Writes a clause with its parameters numbered from first on. */
static void put_part(struct text *t, const struct part *part, int first)
{
	const char *s = part->clause->text;
	int next = first;

	if (!s)
		return;
	puts_to(t, part->before);
	for (const char *hole; (hole = strstr(s, "$?"));) {
		put(t, s, (size_t)(hole - s));
		s = put_number(t, hole, first, &next);
	}
	assert(next == first + count_types(part->clause)); /* as many "$?" as types */
	puts_to(t, s);
}

static size_t room_for(const struct list_choice *choice, const struct part *parts, int nparts)
{
	const struct list_spec *spec = choice->spec;
	const struct list_order *order = &spec->orders[choice->order];
	size_t room = strlen(spec->columns) + strlen(spec->from) + strlen(order->order_by) +
		      (order->columns ? strlen(order->columns) : 0) +
		      (order->only ? strlen(order->only) : 0) + 64;

	for (int i = 0; i < nparts; i++)
		room += (parts[i].clause->text ? 2 * strlen(parts[i].clause->text) : 0) + 16;
	return room;
}

static void write_sql(struct text *t, const struct list_choice *choice, const struct part *parts,
		      int nparts)
{
	const struct list_order *order = &choice->spec->orders[choice->order];
	const int nwhere = count_types(parts[0].clause);
	const int njoin = count_types(parts[1].clause);
	int first = 1 + nwhere + njoin;
	char number[24];

	puts_to(t, choice->spec->columns);
	puts_to(t, order->columns);
	puts_to(t, " ");
	puts_to(t, choice->spec->from);
	put_part(t, &parts[1], 1 + nwhere);
	put_part(t, &parts[0], 1);
	for (int i = 2; i < nparts; i++) {
		put_part(t, &parts[i], first);
		first += count_types(parts[i].clause);
	}
	if (order->only) {
		puts_to(t, " AND ");
		puts_to(t, order->only);
	}
	puts_to(t, " ORDER BY ");
	puts_to(t, order->order_by);
	snprintf(number, sizeof(number), " LIMIT $%d", first);
	puts_to(t, number);
}

static struct shape *assemble(const struct list_choice *choice, const struct part *parts,
			      int nparts)
{
	const size_t room = room_for(choice, parts, nparts);
	struct shape *s = calloc(1, sizeof(*s) + room);
	int n = 0;

	if (!s)
		return NULL;
	s->choice = *choice;
	for (int i = 0; i < nparts; i++)
		for (int j = 0; j < count_types(parts[i].clause); j++)
			s->types[n++] = parts[i].clause->types[j];
	s->types[n++] = OID_INT8;
	write_sql(&(struct text){s->sql, s->sql + room}, choice, parts, nparts);
	s->statement = (struct statement){
		.name = s->name, .sql = s->sql, .lane = LANE_SLOW, .nparams = n, .types = s->types};
	return s;
}

struct problem list_statement(struct list_cache *c, struct arena *a,
			      const struct list_choice *choice, const struct statement **out)
{
	struct part parts[PARTS];

	assert(choice->order >= 0 && choice->order < choice->spec->norders);
	assert(choice->nfilters >= 0 && choice->nfilters <= LIST_CHOSEN);
	struct shape *s = find(c, choice);
	if (!s) {
		const int nparts = list_parts(choice, parts);
		if (count_params(parts, nparts) > ARGS_MAX)
			return problem(a, PROBLEM_INVALID,
				       "there are too many filters; ask with fewer of them");
		s = assemble(choice, parts, nparts);
		if (!s)
			return problem(a, PROBLEM_BUSY, "there is no memory for the request");
		add(c, s);
	}
	arena_defer(a, release, s); /* first: it leaves when the arena is full */
	s->holds++;
	*out = &s->statement;
	return NO_PROBLEM;
}

struct problem list_choose(struct arena *a, struct list_choice *choice, int filter)
{
	const struct list_filter *f = &choice->spec->filters[filter];
	const int most = f->repeat > 1 ? f->repeat : 1;
	int there = 0;

	assert(filter >= 0 && filter < choice->spec->nfilters);
	for (int i = 0; i < choice->nfilters; i++)
		there += choice->filters[i] == filter;
	if (there == most && most == 1)
		return problem(a, PROBLEM_INVALID, "the filter %s may be given once only", f->name);
	if (there == most)
		return problem(a, PROBLEM_INVALID, "the filter %s may be given %d times at most",
			       f->name, most);
	if (choice->nfilters == LIST_CHOSEN)
		return problem(a, PROBLEM_INVALID, "A request may have %d filters at most.",
			       LIST_CHOSEN);
	choice->filters[choice->nfilters++] = (unsigned char)filter;
	return NO_PROBLEM;
}

/* ---- every single shape ---------------------------------------------------------- */

int list_shapes(const struct list_spec *spec)
{
	return (1 + spec->nfilters) * spec->norders * 2;
}

struct list_choice list_shape(const struct list_spec *spec, int i)
{
	const int filter = i / (2 * spec->norders) - 1;
	struct list_choice choice = {.spec = spec,
				     .order = i / 2 % spec->norders,
				     .next = i % 2,
				     .nfilters = filter >= 0};

	if (filter >= 0)
		choice.filters[0] = (unsigned char)filter;
	return choice;
}
