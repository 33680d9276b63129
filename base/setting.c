#include "base/setting.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/connection.h"
#include "base/nearest.h"
#include "base/quantity.h"

#define FILE_MAX ((size_t)256 * 1024)

struct held {
	enum setting_origin origin;
	const char *text;  /* NULL: absent */
	const char *where; /* "--listen", "hallmark.conf:3" */
};

struct settings {
	struct arena *arena;
	const struct setting_table *table;
	char *into;
	struct held *held; /* one per row */
};

static const char *const origin_names[] = {"preset", "file", "environment", "flag"};

/* ---- Values: text into members ---- */

static bool whole_number(const char *s, int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)s[*s == '-']))
		return false;
	errno = 0;
	*out = strtoll(s, &end, 10);
	return !errno && !*end;
}

static bool truth(const char *s, int64_t *out)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*out = (int64_t)(i & 1);
			return true;
		}
	}
	return false;
}

static bool word_place(const char *const *words, const char *s, int64_t *out)
{
	for (int64_t i = 0; words[i]; i++) {
		if (strcmp(words[i], s) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool number_of(const struct setting *row, const char *s, int64_t *out)
{
	switch (row->type) {
	case SETTING_INT:
		return whole_number(s, out);
	case SETTING_SIZE:
		return size_read(s, out);
	case SETTING_SECONDS:
		return duration_read(s, out);
	case SETTING_BOOL:
		return truth(s, out);
	case SETTING_WORD:
		return word_place(row->words, s, out);
	case SETTING_TEXT:
	case SETTING_PATH:
		break;
	}
	return false;
}

static char *limit_text(struct arena *a, const struct setting *row, int64_t v)
{
	if (row->type == SETTING_SIZE)
		return size_text(a, v);
	if (row->type == SETTING_SECONDS)
		return duration_text(a, v);
	return arena_printf(a, "%" PRId64, v);
}

static char *words_text(struct arena *a, const char *const *words)
{
	char *all = arena_dup(a, words[0], strlen(words[0]));

	for (int i = 1; words[i]; i++)
		all = arena_printf(a, "%s%s%s", all, words[i + 1] ? ", " : " or ", words[i]);
	return all;
}

static const char *wanted(struct arena *a, const struct setting *row)
{
	switch (row->type) {
	case SETTING_INT:
		return "a whole number";
	case SETTING_SIZE:
		return "bytes, or a number with KiB, MiB, GiB or TiB";
	case SETTING_SECONDS:
		return "seconds, or a number with ms, s, m, h or d";
	case SETTING_BOOL:
		return "true or false";
	case SETTING_WORD:
		return words_text(a, row->words);
	case SETTING_TEXT:
	case SETTING_PATH:
		break;
	}
	return "a text without control characters";
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

static const char *absolute(struct arena *a, const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/' || strstr(path, "://") || !getcwd(cwd, sizeof(cwd)))
		return path;
	while (strncmp(path, "./", 2) == 0)
		path += 2 + strspn(path + 2, "/");
	return arena_printf(a, "%s%s%s", cwd, strcmp(cwd, "/") == 0 ? "" : "/", path);
}

static void store(const struct setting *row, char *into, const char *text, int64_t number)
{
	void *member = into + row->offset;

	switch (row->type) {
	case SETTING_TEXT:
	case SETTING_PATH:
		*(const char **)member = text;
		return;
	case SETTING_INT:
	case SETTING_WORD:
		*(int *)member = (int)number;
		return;
	case SETTING_SIZE:
	case SETTING_SECONDS:
		*(int64_t *)member = number;
		return;
	case SETTING_BOOL:
		*(bool *)member = number != 0;
		return;
	}
}

static struct problem number_check(struct arena *a, const struct setting *row, const char *where,
				   const char *text, int64_t v)
{
	bool free = row->min == 0 && row->max == 0;
	int64_t most = row->type == SETTING_INT ? INT_MAX : INT64_MAX;

	if (free ? v <= most && v >= -most : v >= row->min && v <= row->max)
		return NO_PROBLEM;
	return problem(a, PROBLEM_INVALID, "%s: %s is out of range, want %s to %s", where, text,
		       limit_text(a, row, row->min), limit_text(a, row, free ? most : row->max));
}

/* Checks the value, and keeps it when no stronger source has spoken. */
static struct problem take(struct settings *s, int i, enum setting_origin origin, const char *where,
			   const char *text)
{
	const struct setting *row = &s->table->rows[i];
	struct held *h = &s->held[i];
	int64_t number = 0;

	if (!*text)
		return NO_PROBLEM; /* an empty variable is one that is not set */
	if (row->type == SETTING_TEXT || row->type == SETTING_PATH) {
		if (has_control(text))
			return problem(s->arena, PROBLEM_INVALID, "%s: want %s", where,
				       wanted(s->arena, row));
		if (row->type == SETTING_PATH)
			text = absolute(s->arena, text);
	} else {
		if (!number_of(row, text, &number))
			return problem(s->arena, PROBLEM_INVALID, "%s: '%s' is not valid, want %s",
				       where, text, wanted(s->arena, row));
		TRY(number_check(s->arena, row, where, text, number));
	}
	if (origin < h->origin)
		return NO_PROBLEM;
	*h = (struct held){.origin = origin, .text = text, .where = where};
	store(row, s->into, text, number);
	return NO_PROBLEM;
}

struct settings *settings_new(struct arena *a, const struct setting_table *table, void *into)
{
	struct settings *s = arena_alloc(a, sizeof(*s));

	*s = (struct settings){.arena = a, .table = table, .into = into};
	s->held = arena_array(a, struct held, (size_t)table->n);
	for (int i = 0; i < table->n; i++) {
		const char *preset = table->rows[i].preset;

		if (!preset) {
			store(&table->rows[i], into, NULL, 0);
			continue;
		}
		struct problem p = take(s, i, SETTING_PRESET, "preset", preset);
		assert(p.code == PROBLEM_NONE);
		(void)p;
	}
	return s;
}

/* ---- Names ---- */

static bool same_name(const char *a, size_t len, const char *name)
{
	size_t i = 0;

	for (; i < len && name[i]; i++) {
		if ((a[i] == '-' ? '_' : a[i]) != name[i])
			return false;
	}
	return i == len && !name[i];
}

static int row_named(const struct settings *s, const char *name, size_t len)
{
	for (int i = 0; i < s->table->n; i++) {
		if (same_name(name, len, s->table->rows[i].name))
			return i;
	}
	return -1;
}

static bool allowed(const struct setting *row, enum setting_origin origin)
{
	return origin >= row->only;
}

/* listen -> HALLMARK_LISTEN */
static char *variable_of(struct arena *a, const struct setting_table *t, const struct setting *row)
{
	if (row->env)
		return arena_printf(a, "%s", row->env);
	char *v = arena_printf(a, "%s%s", t->prefix, row->name);
	for (char *p = v; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return v;
}

/* drain_delay -> --drain-delay */
static char *flag_of(struct arena *a, const struct setting *row)
{
	char *f = arena_printf(a, "--%s", row->name);

	for (char *p = f; *p; p++)
		if (*p == '_')
			*p = '-';
	return f;
}

/* ---- Environment ---- */

/* The setting whose variable, or whose own name after the prefix, was probably meant. */
static const struct setting *row_meant(const struct settings *s, const char *variable)
{
	const struct setting_table *t = s->table;
	struct nearest whole = nearest_to(variable),
		       bare = nearest_to(variable + strlen(t->prefix));
	const struct setting *by_whole = NULL, *by_bare = NULL;

	for (const struct setting *row = t->rows; row < t->rows + t->n; row++) {
		const char *name = variable_of(s->arena, t, row), *before = bare.best;

		if (!allowed(row, SETTING_ENVIRONMENT))
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
		       variable_of(s->arena, s->table, meant));
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

		if (allowed(row, SETTING_ENVIRONMENT) &&
		    strcmp(name, variable_of(s->arena, s->table, row)) == 0)
			return take(s, i, SETTING_ENVIRONMENT, name, value);
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

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **s, const char **end)
{
	while (*s < *end && blank(**s))
		++*s;
	while (*s < *end && blank((*end)[-1]))
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
		if (*p == '#' && (p == s || blank(p[-1])))
			end = p;
	}
	trim(&s, &end);
	return arena_dup(a, s, (size_t)(end - s));
}

static struct problem unknown_key(const struct settings *s, const char *where, const char *key)
{
	struct nearest n = nearest_to(key);

	for (int i = 0; i < s->table->n; i++) {
		if (allowed(&s->table->rows[i], SETTING_FILE))
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
	int i = row_named(s, key, strlen(key));
	if (i < 0 || !allowed(&s->table->rows[i], SETTING_FILE))
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
	return take(s, i, SETTING_FILE, where, value);
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
			nearest_offer(&n, flag_of(a, &sets[k]->table->rows[i]));
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
		int i = row_named(sets[k], word + 2, len - 2);

		if (i < 0)
			continue;
		const char *value = word[len] ? word + len + 1 : NULL;
		if (!value && sets[k]->table->rows[i].type == SETTING_BOOL)
			value = "true";
		if (!value && *at + 1 < argc)
			value = argv[++*at];
		if (!value)
			return problem(a, PROBLEM_INVALID, "%s wants a value", flag);
		return take(sets[k], i, SETTING_FLAG, flag, value);
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
		if (same_name(word + 2, strlen(word + 2), table->rows[i].name))
			return table->rows[i].type != SETTING_BOOL;
	}
	return false;
}

/* ---- What the program itself decides ---- */

void settings_replace(struct settings *s, const char *name, const char *value)
{
	int i = row_named(s, name, strlen(name));

	assert(i >= 0);
	enum setting_origin origin = s->held[i].origin;
	struct problem p = take(s, i, SETTING_FLAG, name, value);
	assert(p.code == PROBLEM_NONE);
	(void)p;
	s->held[i].origin = origin;
}

void settings_preset(struct settings *s, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (settings_origin(s, name) != SETTING_PRESET)
		return;
	va_start(ap, fmt);
	settings_replace(s, name, arena_vprintf(s->arena, fmt, ap));
	va_end(ap);
}

enum setting_origin settings_origin(const struct settings *s, const char *name)
{
	int i = row_named(s, name, strlen(name));

	assert(i >= 0);
	return s->held[i].origin;
}

/* ---- Print ---- */

static const char *in_quotes(struct arena *a, const char *text)
{
	size_t len = strlen(text);

	if (len && !strpbrk(text, "\"#\\") && !blank(text[0]) && !blank(text[len - 1]))
		return text;
	char *out = arena_bytes(a, 2 * len + 3), *o = out;
	*o++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*o++ = '\\';
		*o++ = *text;
	}
	*o++ = '"';
	*o = '\0';
	return out;
}

static const char *shown(struct arena *a, const struct setting *row, const char *text)
{
	if (row->secrecy == SETTING_SECRET)
		return "********";
	if (row->secrecy == SETTING_CONNECTION)
		text = connection_mask(a, text);
	return in_quotes(a, text);
}

static void print_row(const struct settings *s, int i, FILE *out)
{
	const struct setting *row = &s->table->rows[i];
	const struct held *h = &s->held[i];
	const char *origin = origin_names[h->origin];

	if (!h->text) {
		fprintf(out, "# %-16s is not set\n", row->name);
		return;
	}
	const char *value = shown(s->arena, row, h->text);
	if (!allowed(row, SETTING_FILE))
		fputs("# ", out); /* what is printed is a file of settings */
	if (h->origin == SETTING_PRESET)
		fprintf(out, "%-16s = %-32s # %s\n", row->name, value, origin);
	else
		fprintf(out, "%-16s = %-32s # %s, %s\n", row->name, value, origin, h->where);
}

void settings_print(const struct settings *s, FILE *out)
{
	for (int i = 0; i < s->table->n; i++) {
		if (s->table->rows[i].help)
			print_row(s, i, out);
	}
}

void settings_write(const struct settings *s, FILE *out)
{
	for (int i = 0; i < s->table->n; i++) {
		const struct setting *row = &s->table->rows[i];

		if (s->held[i].text && allowed(row, SETTING_FILE))
			fprintf(out, "%s = %s\n", row->name, in_quotes(s->arena, s->held[i].text));
	}
}

static const char *meta_of(const struct setting *row)
{
	static const char *const metas[] = {
		[SETTING_TEXT] = "TEXT", [SETTING_PATH] = "PATH",    [SETTING_INT] = "N",
		[SETTING_SIZE] = "SIZE", [SETTING_SECONDS] = "TIME", [SETTING_WORD] = "WORD",
		[SETTING_BOOL] = "BOOL",
	};

	return row->meta ? row->meta : metas[row->type];
}

void settings_help(const struct setting_table *table, FILE *out)
{
	struct arena *a = arena_new(1 << 20);

	assert(a);
	for (int i = 0; i < table->n; i++) {
		const struct setting *row = &table->rows[i];

		if (!row->help)
			continue;
		fprintf(out, "  %s\n      %s",
			arena_printf(a, "%s=%s", flag_of(a, row), meta_of(row)), row->help);
		if (row->type == SETTING_WORD)
			fprintf(out, ": %s", words_text(a, row->words));
		if (row->preset)
			fprintf(out, " (%s)", row->preset);
		if (table->prefix && allowed(row, SETTING_ENVIRONMENT))
			fprintf(out, " [%s]", variable_of(a, table, row));
		fputc('\n', out);
	}
	arena_free(a);
}
