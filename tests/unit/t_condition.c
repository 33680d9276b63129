/* If-Match and If-None-Match: how they are read, what they name, what a statement is told. */
#include "tap.h"

#include "api/condition.h"

static struct arena *arena;

static struct problem reads(const char *value, struct condition *c)
{
	return condition_read(arena, "If-Match", value, c);
}

/* "a W/b" for a list, "*" for any. */
static const char *shown(const struct condition *c)
{
	const char *s = c->any ? "*" : "";

	for (int i = 0; i < c->n; i++)
		s = arena_printf(arena, "%s%s%s%s", s, i ? " " : "", c->tags[i].weak ? "W/" : "",
				 c->tags[i].text);
	return s;
}

static void good(void)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{"*", "*"},
		{"\"1\"", "1"},
		{"W/\"1\"", "W/1"},
		{"\"\"", ""},
		{"\"1\", \"2\"", "1 2"},
		{"\"1\",\"2\" ,\t\"3\"", "1 2 3"},
		{",, \"1\" , , W/\"2\",", "1 W/2"},
		{"\"a,b\"", "a,b"},
		{"\"W/\"", "W/"},
		{"\"*\"", "*"},
		{"\"\\\"", "\\"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct condition c;

		ok(reads(rows[i].value, &c).code == PROBLEM_NONE && c.given, "%s is read",
		   rows[i].value);
		is_str(shown(&c), rows[i].want, "… as %s", rows[i].want);
	}
	struct condition c;
	ok(reads(NULL, &c).code == PROBLEM_NONE && !c.given && !c.any && c.n == 0,
	   "an absent header is none");
}

static void bad(void)
{
	static const char *const values[] = {
		"",    " ",       ",",        "1",        "\"",       "\"1",         "1\"",
		"'1'", "w/\"1\"", "W/",       "W/*",      "W/ \"1\"", "\"1\" \"2\"", "\"1\"\"2\"",
		"* *", "*,",      "*, \"1\"", "\"1\", *", "\"1\", 2", "\"1\";",      "\"1\", W",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct condition c;
		struct problem p = reads(values[i], &c);

		ok(p.code == PROBLEM_INVALID && p.errors && p.errors->header &&
			   strcmp(p.errors->header, "If-Match") == 0,
		   "\"%s\" is refused, and the header named", values[i]);
	}
}

static const char *list_of(int n)
{
	const char *s = "\"0\"";

	for (int i = 1; i < n; i++)
		s = arena_printf(arena, "%s, \"%d\"", s, i);
	return s;
}

static void limits(void)
{
	struct condition c;

	is_int(reads(list_of(CONDITION_MAX), &c).code, PROBLEM_NONE, "as many as there may be");
	is_int(c.n, CONDITION_MAX, "… are all read");
	is_int(reads(list_of(CONDITION_MAX + 1), &c).code, PROBLEM_INVALID, "one more is refused");
}

static void names(void)
{
	static const struct {
		const char *value, *tag;
		bool weakly, strongly;
	} rows[] = {
		{"\"7\"", "7", true, true},    {"W/\"7\"", "7", true, false},
		{"\"8\"", "7", false, false},  {"\"8\", \"7\"", "7", true, true},
		{"\"77\"", "7", false, false}, {"\"\"", "7", false, false},
		{"*", "7", true, true},        {"W/\"7\", \"7\"", "7", true, true},
		{NULL, "7", false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct condition c;
		const char *value = rows[i].value ? rows[i].value : "nothing";

		is_int(reads(rows[i].value, &c).code, PROBLEM_NONE, "%s is read", value);
		is_int(condition_names(&c, rows[i].tag), rows[i].weakly, "… and names weakly");
		is_int(condition_is(&c, rows[i].tag), rows[i].strongly, "… and strongly");
	}
}

/* --- what the statement is told: arrays in PostgreSQL's binary format --- */

enum { ARRAY_HEAD = 20 };

static int64_t big_endian(const char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

static int elements(const struct args *args)
{
	if (!args->value[0])
		return -1;
	return big_endian(args->value[0], 4) == 0 ? 0 : (int)big_endian(args->value[0] + 12, 4);
}

static void versions(void)
{
	static const struct {
		const char *value;
		int n;
		int64_t first;
	} rows[] = {
		{NULL, -1, 0},
		{"*", 1, -1},
		{"\"7\"", 1, 7},
		{"\"x\", \"7\"", 1, 7},
		{"\"7\", \"8\"", 2, 7},
		{"W/\"7\"", 0, 0},
		{"\"07\"", 0, 0},
		{"\"0\"", 0, 0},
		{"\"-1\"", 0, 0},
		{"\"+1\"", 0, 0},
		{"\" 1\"", 0, 0},
		{"\"\"", 0, 0},
		{"\"999999999999999999\"", 1, 999999999999999999},
		{"\"1000000000000000000\"", 0, 0},
		{"\"18446744073709551617\"", 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct args args = args_new(arena);
		struct condition c;
		const char *value = rows[i].value ? rows[i].value : "nothing";

		is_int(reads(rows[i].value, &c).code, PROBLEM_NONE, "%s is read", value);
		arg_match_versions(&args, &c);
		is_int(elements(&args), rows[i].n, "… and is %d row versions", rows[i].n);
		if (rows[i].n > 0)
			is_int(big_endian(args.value[0] + ARRAY_HEAD + 4, 8), rows[i].first,
			       "… the first of them %lld", (long long)rows[i].first);
	}
}

#define DIGEST "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void digests(void)
{
	static const struct {
		const char *value;
		int n, length;
	} rows[] = {
		{NULL, -1, 0},
		{"*", 1, 0},
		{"\"" DIGEST "\"", 1, 32},
		{"W/\"" DIGEST "\"", 0, 0},
		{"\"" DIGEST "00\"", 0, 0},
		{"\"" DIGEST "\", \"x\", \"" DIGEST "\"", 2, 32},
		{"\"7\"", 0, 0},
		{"\"\"", 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct args args = args_new(arena);
		struct condition c;
		const char *value = rows[i].value ? rows[i].value : "nothing";

		is_int(reads(rows[i].value, &c).code, PROBLEM_NONE, "%s is read", value);
		arg_match_digests(&args, &c);
		is_int(elements(&args), rows[i].n, "… and is %d digests", rows[i].n);
		if (rows[i].n > 0)
			is_int(big_endian(args.value[0] + ARRAY_HEAD, 4), rows[i].length,
			       "… the first of %d bytes", rows[i].length);
	}
}

int main(void)
{
	arena = arena_new(16 << 20);
	good();
	bad();
	limits();
	names();
	versions();
	digests();
	arena_free(arena);
	return tap_done();
}
