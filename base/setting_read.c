/* The sources of settings: environment, file, flags. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/nearest.h"
#include "base/setting_internal.h"

#define FILE_MAX ((size_t)256 * 1024)

/* ---- Environment ---- */

/* The setting whose variable, or whose own name after the prefix, was probably meant. */
static const struct setting *row_meant(const struct settings *s, const char *variable)
{
	const struct setting_table *t = s->table;
	struct nearest whole = nearest_to(variable),
		       bare = nearest_to(variable + strlen(t->prefix));
	const struct setting *by_whole = NULL, *by_bare = NULL;

	for (const struct setting *row = t->rows; row < t->rows + t->n; row++) {
		const char *name = setting_variable(s->arena, t, row), *before = bare.best;

		if (!setting_allowed(row, SETTING_ENVIRONMENT))
			continue;
		nearest_offer(&whole, name);
		if (whole.best == name)
			by_whole = row;
		nearest_offer(&bare, row->name);
		nearest_offer(&bare, name);
		if (bare.best != before)
			by_bare = row;
	}
	return by_bare ? by_bare : by_whole;
}

static struct problem unknown_variable(const struct settings *s, const char *name)
{
	const struct setting *meant = row_meant(s, name);

	if (!meant)
		return problem(s->arena, PROBLEM_INVALID,
			       "the environment variable %s is not a setting", name);
	return problem(s->arena, PROBLEM_INVALID,
		       "the environment variable %s is not a setting; did you mean %s?", name,
		       setting_variable(s->arena, s->table, meant));
}

static bool is_foreign(const struct setting_table *t, const char *name)
{
	for (const char *const *f = t->foreign; f && *f; f++) {
		if (fnmatch(*f, name, 0) == 0)
			return true;
	}
	return false;
}

static struct problem read_variable(struct settings *s, const char *name, const char *value)
{
	for (int i = 0; i < s->table->n; i++) {
		const struct setting *row = &s->table->rows[i];

		if (setting_allowed(row, SETTING_ENVIRONMENT) &&
		    strcmp(name, setting_variable(s->arena, s->table, row)) == 0)
			return setting_take(s, i, SETTING_ENVIRONMENT, name, value);
	}
	if (strncmp(name, s->table->prefix, strlen(s->table->prefix)) != 0 ||
	    is_foreign(s->table, name))
		return NO_PROBLEM;
	return unknown_variable(s, name);
}

/* Worth a closer look: the prefix, or one of the few names without it. */
static bool concerns(const struct setting_table *t, const char *entry, size_t len)
{
	if (strncmp(entry, t->prefix, strlen(t->prefix)) == 0)
		return true;
	for (int i = 0; i < t->n; i++) {
		const char *env = t->rows[i].env;

		if (env && strlen(env) == len && strncmp(env, entry, len) == 0)
			return true;
	}
	return false;
}

struct problem settings_read_environment(struct settings *s, const char *const *environment)
{
	if (!s->table->prefix)
		return NO_PROBLEM;
	for (const char *const *e = environment; *e; e++) {
		size_t len = strcspn(*e, "=");

		if (!(*e)[len] || !concerns(s->table, *e, len))
			continue;
		TRY(read_variable(s, arena_dup(s->arena, *e, len),
				  arena_printf(s->arena, "%s", *e + len + 1)));
	}
	return NO_PROBLEM;
}

/* ---- The file ---- */

bool setting_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **s, const char **end)
{
	while (*s < *end && setting_blank(**s))
		++*s;
	while (*s < *end && setting_blank((*end)[-1]))
		--*end;
}

/* A value in double quotes; NULL when it does not end, or goes on after its end. */
static char *quoted(struct arena *a, const char *s, const char *end)
{
	char *out = arena_bytes(a, (size_t)(end - s) + 1), *o = out;

	for (s++; s < end && *s != '"'; s++) {
		if (*s == '\\' && s + 1 < end && (s[1] == '"' || s[1] == '\\'))
			s++;
		*o++ = *s;
	}
	if (s == end)
		return NULL;
	*o = '\0';
	s++;
	const char *gap = s;
	trim(&s, &end);
	return s == end || (*s == '#' && s > gap) ? out : NULL;
}

static char *value_of(struct arena *a, const char *s, const char *end)
{
	trim(&s, &end);
	if (s < end && *s == '"')
		return quoted(a, s, end);
	for (const char *p = s; p < end; p++) {
		if (*p == '#' && (p == s || setting_blank(p[-1])))
			end = p;
	}
	trim(&s, &end);
	return arena_dup(a, s, (size_t)(end - s));
}

static struct problem unknown_key(const struct settings *s, const char *where, const char *key)
{
	struct nearest n = nearest_to(key);

	for (int i = 0; i < s->table->n; i++) {
		if (setting_allowed(&s->table->rows[i], SETTING_FILE))
			nearest_offer(&n, s->table->rows[i].name);
	}
	if (n.best)
		return problem(s->arena, PROBLEM_INVALID,
			       "%s: '%s' is not a setting; did you mean %s?", where, key, n.best);
	return problem(s->arena, PROBLEM_INVALID, "%s: '%s' is not a setting", where, key);
}

static struct problem read_line(struct settings *s, const char *where, const char *line,
				const char *end, int *seen, int number)
{
	trim(&line, &end);
	if (line == end || *line == '#')
		return NO_PROBLEM;
	if (memchr(line, '\0', (size_t)(end - line)))
		return problem(s->arena, PROBLEM_INVALID, "%s: the line has a NUL byte", where);

	const char *eq = memchr(line, '=', (size_t)(end - line));
	if (!eq)
		return problem(s->arena, PROBLEM_INVALID, "%s: want a line `name = value`", where);
	const char *key_end = eq;
	trim(&line, &key_end);
	char *key = arena_dup(s->arena, line, (size_t)(key_end - line));
	int i = setting_row(s, key, strlen(key));
	if (i < 0 || !setting_allowed(&s->table->rows[i], SETTING_FILE))
		return unknown_key(s, where, key);
	if (seen[i])
		return problem(s->arena, PROBLEM_INVALID, "%s: %s stands in line %d already", where,
			       key, seen[i]);
	seen[i] = number;
	const char *value = value_of(s->arena, eq + 1, end);
	where = arena_printf(s->arena, "%s: %s", where, key);
	if (!value)
		return problem(s->arena, PROBLEM_INVALID,
			       "%s: the quoted value has no end, or something after it", where);
	return setting_take(s, i, SETTING_FILE, where, value);
}

struct problem settings_read_text(struct settings *s, const char *name, const char *text,
				  size_t len)
{
	const char *end = text + len;
	int *seen = arena_array(s->arena, int, (size_t)s->table->n), number = 0;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		number++;
		TRY(read_line(s, arena_printf(s->arena, "%s:%d", name, number), text,
			      stop ? stop : end, seen, number));
		text = stop ? stop + 1 : end;
	}
	return NO_PROBLEM;
}

struct problem settings_read_file(struct settings *s, const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return problem(s->arena, PROBLEM_INVALID, "%s cannot be read: %s", path,
			       strerror(errno));
	char *text = arena_bytes(s->arena, FILE_MAX + 1);
	size_t len = fread(text, 1, FILE_MAX + 1, f);
	int failed = ferror(f);
	fclose(f);
	if (failed)
		return problem(s->arena, PROBLEM_INVALID, "%s cannot be read", path);
	if (len > FILE_MAX)
		return problem(s->arena, PROBLEM_INVALID, "%s is longer than %zu bytes", path,
			       FILE_MAX);
	return settings_read_text(s, path, text, len);
}

/* ---- Flags ---- */

static struct problem unknown_flag(struct settings *const *sets, int nsets, const char *word)
{
	struct arena *a = sets[0]->arena;
	const char *flag = arena_dup(a, word, strcspn(word, "="));
	struct nearest n = nearest_to(flag);

	for (int k = 0; k < nsets; k++) {
		for (int i = 0; i < sets[k]->table->n; i++)
			nearest_offer(&n, setting_flag(a, &sets[k]->table->rows[i]));
	}
	if (n.best)
		return problem(a, PROBLEM_INVALID, "%s is not a flag here; did you mean %s?", flag,
			       n.best);
	return problem(a, PROBLEM_INVALID, "%s is not a flag here; --help lists them", flag);
}

/* Takes argv[*at], and the next word when it is the value. */
static struct problem read_flag(struct settings *const *sets, int nsets, int argc,
				const char *const *argv, int *at)
{
	const char *word = argv[*at];
	size_t len = strcspn(word, "=");
	struct arena *a = sets[0]->arena;
	char *flag = arena_dup(a, word, len);

	for (int k = 0; k < nsets; k++) {
		int i = setting_row(sets[k], word + 2, len - 2);

		if (i < 0)
			continue;
		const char *value = word[len] ? word + len + 1 : NULL;
		if (!value && sets[k]->table->rows[i].type == SETTING_BOOL)
			value = "true";
		if (!value && *at + 1 < argc)
			value = argv[++*at];
		if (!value)
			return problem(a, PROBLEM_INVALID, "%s wants a value", flag);
		return setting_take(sets[k], i, SETTING_FLAG, flag, value);
	}
	return unknown_flag(sets, nsets, flag);
}

struct problem settings_read_flags(struct settings *const *sets, int nsets, int argc,
				   const char *const *argv, const char **rest)
{
	bool words_only = false;

	for (int i = 0; i < argc; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && strncmp(argv[i], "--", 2) == 0)
			TRY(read_flag(sets, nsets, argc, argv, &i));
		else if (!words_only && argv[i][0] == '-' && argv[i][1])
			return unknown_flag(sets, nsets, argv[i]);
		else
			*rest++ = argv[i];
	}
	*rest = NULL;
	return NO_PROBLEM;
}

bool settings_flag_takes_next(const struct setting_table *table, const char *word)
{
	if (strncmp(word, "--", 2) != 0 || strchr(word, '='))
		return false;
	for (int i = 0; i < table->n; i++) {
		if (setting_same_name(word + 2, strlen(word + 2), table->rows[i].name))
			return table->rows[i].type != SETTING_BOOL;
	}
	return false;
}
