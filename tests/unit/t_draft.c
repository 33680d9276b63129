#include "tap.h"

#include <math.h>
#include <stdlib.h>

#include "base/draft.h"
#include "base/json_in.h"
#include "base/json_memory.h"

static struct arena *arena;

enum colour { RED, GREEN };
static const char *const colours[] = {"red", "green", NULL};

struct part {
	const char *name;
	double weight;
};

struct thing {
	const char *name;
	const char *note;
	bool has_note;
	int64_t size;
	double share;
	bool fast;
	int64_t at;
	int colour;
	const json_t *labels, *list, *any;
	struct draft_list parts;
};

static struct problem no_digits(struct arena *a, const char *where, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			return problem_at(a, where, "no digits here");
	}
	return NO_PROBLEM;
}

static void check_part(struct draft *d, const char *pointer, void *out)
{
	const struct part *p = out;

	if (strcmp(p->name, "lead") == 0 && isnan(p->weight))
		draft_fault(d, pointer, "lead has a weight");
}

static const struct draft_field part_fields[] = {
	{DRAFT_MEMBER(struct part, name, DRAFT_TEXT), .required = true},
	{DRAFT_MEMBER(struct part, weight, DRAFT_NUMBER)},
};
static const struct draft_shape part_shape =
	DRAFT_SHAPE_CHECKED(struct part, part_fields, check_part);

static const struct draft_field fields[] = {
	{DRAFT_MEMBER(struct thing, name, DRAFT_TEXT), .required = true, .min = 1, .max = 8,
	 .rule = no_digits},
	{DRAFT_MEMBER(struct thing, note, DRAFT_TEXT), .nullable = true,
	 .given = offsetof(struct thing, has_note)},
	{DRAFT_MEMBER(struct thing, size, DRAFT_INT), .min = -5, .max = 10},
	{DRAFT_MEMBER(struct thing, share, DRAFT_NUMBER)},
	{DRAFT_MEMBER(struct thing, fast, DRAFT_BOOL)},
	{DRAFT_MEMBER(struct thing, at, DRAFT_TIME)},
	{DRAFT_MEMBER(struct thing, colour, DRAFT_WORD), .words = colours},
	{DRAFT_MEMBER(struct thing, labels, DRAFT_OBJECT), .max = 2},
	{DRAFT_MEMBER(struct thing, list, DRAFT_ARRAY), .max = 2},
	{DRAFT_MEMBER(struct thing, any, DRAFT_ANY)},
	{DRAFT_MEMBER(struct thing, parts, DRAFT_LIST), .max = 100, .shape = &part_shape},
};
static const struct draft_shape shape = DRAFT_SHAPE(struct thing, fields);

static struct problem read_body(const char *body, struct thing *out)
{
	return draft_body(arena, body, strlen(body), &shape, out);
}

static void everything_is_read(void)
{
	struct thing t;
	const struct problem p = read_body("{\"name\":\"h\xc3\xa9\\u00e9\",\"note\":\"n\",\"size\":"
					   "-5,\"share\":0.92,\"fast\":true,"
					   "\"at\":\"2026-01-13T22:03:16.5+01:00\",\"colour\":"
					   "\"green\",\"labels\":{\"a\":[1]},"
					   "\"list\":[1,2],\"any\":7,\"parts\":[{\"name\":\"lead\","
					   "\"weight\":2},{\"name\":\"x\"}]}",
					   &t);
	const struct part *parts = t.parts.items;

	ok(p.code == PROBLEM_NONE, "a full body is read: %s", p.detail ? p.detail : "fine");
	is_str(t.name, "h\xc3\xa9\xc3\xa9", "text");
	is_str(t.note, "n", "text that may be null");
	ok(t.has_note, "and that it was given");
	is_int(t.size, -5, "an integer");
	ok(t.share == 0.92, "a number");
	ok(t.fast, "a bool");
	is_int(t.at, 1768338196500000, "a time, in UTC");
	is_int(t.colour, GREEN, "a word");
	is_int(json_object_size(t.labels), 1, "an object");
	is_int(json_array_size(t.list), 2, "an array");
	is_int(json_integer_value(t.any), 7, "anything");
	is_int(t.parts.n, 2, "a list");
	ok(parts[0].weight == 2 && strcmp(parts[1].name, "x") == 0, "with its items' members");
}

static void what_is_absent_says_so(void)
{
	struct thing t;

	ok(read_body("{\"name\":\"n\"}", &t).code == PROBLEM_NONE, "only the required is required");
	ok(!t.note && !t.has_note && t.size == INT64_MIN && isnan(t.share) && !t.fast &&
		   t.at == INT64_MIN && t.colour == -1 && !t.labels && !t.list && !t.any &&
		   !t.parts.items && t.parts.n == 0,
	   "what is absent has its documented value");
	ok(read_body("{\"name\":\"n\",\"note\":null}", &t).code == PROBLEM_NONE,
	   "null where allowed");
	ok(!t.note && t.has_note, "counts as given, without a value");
}

struct fault {
	const char *body, *pointer, *says;
};

static void check_fault(const struct fault *f, size_t row)
{
	struct thing t;
	const struct problem p = read_body(f->body, &t);
	const bool good = p.code == PROBLEM_INVALID && strstr(p.errors->detail, f->says) &&
			  p.errors->pointer && strcmp(p.errors->pointer, f->pointer) == 0;

	if (!ok(good, "row %zu says: %s", row, f->says))
		printf("# at %s: %s\n", p.errors ? p.errors->pointer : "-",
		       p.detail ? p.detail : "nothing");
}

static void each_fault_is_named(void)
{
	static const struct fault faults[] = {
		{"{}", "", "the member \"name\" is missing"},
		{"[]", "", "has to be an object, not an array"},
		{"{\"name\":7}", "/name", "has to be text, not an integer"},
		{"{\"name\":null}", "/name", "cannot be null"},
		{"{\"name\":\"\"}", "/name", "1 to 8 bytes, it has 0"},
		{"{\"name\":\"123456789\"}", "/name", "1 to 8 bytes, it has 9"},
		{"{\"name\":\"a1\"}", "/name", "no digits here"},
		{"{\"name\":\"a\",\"size\":11}", "/size", "-5 to 10, not 11"},
		{"{\"name\":\"a\",\"size\":3.0}", "/size", "has to be an integer, not a number"},
		{"{\"name\":\"a\",\"size\":\"3\"}", "/size", "has to be an integer, not text"},
		{"{\"name\":\"a\",\"share\":\"NaN\"}", "/share", "has to be a number, not text"},
		{"{\"name\":\"a\",\"fast\":1}", "/fast", "has to be true or false, not an integer"},
		{"{\"name\":\"a\",\"at\":\"yesterday\"}", "/at", "not an RFC 3339 time"},
		{"{\"name\":\"a\",\"at\":1}", "/at", "a time as text"},
		{"{\"name\":\"a\",\"colour\":\"blue\"}", "/colour", "write one of: red, green"},
		{"{\"name\":\"a\",\"colour\":0}", "/colour", "has to be text"},
		{"{\"name\":\"a\",\"labels\":[]}", "/labels", "has to be an object, not an array"},
		{"{\"name\":\"a\",\"labels\":{\"a\":1,\"b\":1,\"c\":1}}", "/labels",
		 "0 to 2 members"},
		{"{\"name\":\"a\",\"list\":{}}", "/list", "has to be an array, not an object"},
		{"{\"name\":\"a\",\"list\":[1,2,3]}", "/list", "0 to 2 items"},
		{"{\"name\":\"a\",\"any\":null}", "/any", "cannot be null"},
		{"{\"name\":\"a\",\"parts\":{}}", "/parts", "an array of objects"},
		{"{\"name\":\"a\",\"parts\":[{\"name\":\"x\"},3]}", "/parts/1",
		 "has to be an object"},
		{"{\"name\":\"a\",\"parts\":[{\"weight\":1}]}", "/parts/0", "\"name\" is missing"},
		{"{\"name\":\"a\",\"parts\":[{\"name\":\"lead\"}]}", "/parts/0",
		 "lead has a weight"},
		{"{\"name\":\"a\",\"siez\":1}", "/siez", "did you mean \"size\"?"},
		{"{\"name\":\"a\",\"created_by\":1}", "/created_by", "known are: name, note, size"},
		{"{\"name\":\"a\",\"a/b~c\":1}", "/a~1b~0c", "not known"},
		{"{\"name\":\"a\",\"\":1}", "/", "not known"},
		{"{\"name\":\"a\",\"x\xe2\x80\x8f\":1}", "/x\xe2\x80\x8f", "\"x\\xe2\\x80\\x8f\""},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		check_fault(&faults[i], i);
}

static void malformed_bodies_are_refused(void)
{
	static const struct fault faults[] = {
		{"", "", "empty"},
		{"\xef\xbb\xbf{}", "", "byte order mark"},
		{"{\"name\":", "", "ends too early, at line 1 column 8"},
		{"{\n \"name\" 1}", "", "not valid JSON, at line 2"},
		{"{} {}", "", "something follows the end"},
		{"{}x", "", "something follows the end"},
		{"3", "", "not valid JSON"},
		{"{'name':1}", "", "not valid JSON"},
		{"{\"name\":\"a\",}", "", "not valid JSON"},
		{"{\"name\":NaN}", "", "not valid JSON"},
		{"{\"share\":1e999}", "", "number is too large"},
		{"{\"size\":9223372036854775808}", "", "number is too large"},
		{"{\"size\":-9223372036854775809}", "", "number is too large"},
		{"{\"size\":01}", "", "not valid JSON"},
		{"{\"name\":\"a\",\"name\":\"b\"}", "", "stands twice"},
		{"{\"name\":\"a\\u0000\"}", "", "U+0000"},
		{"{\"na\\u0000me\":1}", "", "U+0000"},
		{"{\"name\":\"\\ud800\"}", "", "not valid JSON"},
		{"{\"name\":\"\\ud800\\u0041\"}", "", "not valid JSON"},
		{"{\"name\":\"\xff\"}", "", "not valid UTF-8"},
		{"{\"name\":\"\xc0\xaf\"}", "", "not valid UTF-8"},
		{"{\"name\":\"a\nb\"}", "", "not valid JSON"},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		check_fault(&faults[i], i);
}

static void depth_is_limited(void)
{
	char body[JSON_DEPTH * (size_t)4];
	json_t *root;

	memset(body, '[', JSON_DEPTH);
	memset(body + JSON_DEPTH, ']', JSON_DEPTH);
	ok(json_in(arena, body, JSON_DEPTH * (size_t)2, &root).code == PROBLEM_NONE,
	   "%d levels are read", JSON_DEPTH);
	memset(body, '[', JSON_DEPTH + 1);
	memset(body + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	const struct problem p = json_in(arena, body, JSON_DEPTH * (size_t)2 + 2, &root);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "deeper than 32"), "33 are refused");
	char *deep = malloc(1000000);
	memset(deep, '[', 1000000);
	ok(json_in(arena, deep, 1000000, &root).code == PROBLEM_INVALID, "a million are refused");
	free(deep);
	memset(body, '[', sizeof(body));
	body[0] = '[', body[1] = '"', body[sizeof(body) - 2] = '"', body[sizeof(body) - 1] = ']';
	body[5] = '\\', body[6] = '"';
	ok(json_in(arena, body, sizeof(body), &root).code == PROBLEM_NONE,
	   "brackets in text are text");
}

static int count_faults(const struct problem *p)
{
	int n = 0;

	for (const struct problem_error *e = p->errors; e; e = e->next)
		n++;
	return n;
}

static void all_faults_are_told_at_once(void)
{
	struct thing t;
	const struct problem p =
		read_body("{\"size\":99,\"fast\":3,\"parts\":[{\"name\":1},{\"x\":1}],"
			  "\"nam\":\"a\"}",
			  &t);

	is_int(count_faults(&p), 7, "seven faults are found");
	is_str(p.detail, "7 things are wrong with the body", "and counted");
	is_str(p.errors->detail, "the member \"name\" is missing", "in the order of the table");
	ok(t.size == INT64_MIN && !t.fast, "what was wrong stays absent");
}

static void faults_are_limited(void)
{
	struct thing t;
	const char *body = "{\"name\":\"a\",\"parts\":[{}";

	for (int i = 0; i < 99; i++)
		body = arena_printf(arena, "%s,{}", body);
	body = arena_printf(arena, "%s]}", body);
	const struct problem p = read_body(body, &t);
	is_int(count_faults(&p), DRAFT_FAULTS, "of a hundred faults twenty are told");
	is_str(p.detail, "more than 20 things are wrong with the body", "and that there are more");
}

static void pointers_are_escaped(void)
{
	is_str(pointer_member(arena, "", "a"), "/a", "a plain member");
	is_str(pointer_member(arena, "/a/0", "m~n/o"), "/a/0/m~0n~1o", "~ and / are escaped");
	is_str(pointer_item(arena, "/a", 17), "/a/17", "an item");
}

static void trees_live_in_the_arena(void)
{
	struct arena *mine = arena_new(1u << 20);
	json_t *root, *plain = json_pack("{s:s}", "a", "b");

	ok(json_in(mine, "{\"a\":[1,2,\"text\"]}", 18, &root).code == PROBLEM_NONE, "a tree");
	ok(arena_taken(mine) > 0, "takes its memory from the arena");
	json_decref(root); /* gives nothing back, frees nothing of the arena's */
	ok(json_use_arena(mine) == NULL, "no arena is current after parsing");
	json_decref(plain); /* malloc's, freed while an arena is current */
	json_t *other = json_string("text of the arena");
	json_use_arena(NULL);
	json_decref(other);
	char *dump = json_dumps(json_null(), JSON_ENCODE_ANY);
	free(dump);
	ok(true, "trees of both kinds end without a fault; the sanitizer counts leaks");
	arena_free(mine);
}

int main(void)
{
	arena = arena_new(32u << 20);
	everything_is_read();
	what_is_absent_says_so();
	each_fault_is_named();
	malformed_bodies_are_refused();
	depth_is_limited();
	all_faults_are_told_at_once();
	faults_are_limited();
	pointers_are_escaped();
	trees_live_in_the_arena();
	arena_free(arena);
	return tap_done();
}
