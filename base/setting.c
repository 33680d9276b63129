#include "base/setting.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/quantity.h"
#include "base/setting_internal.h"

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

char *setting_words(struct arena *a, const char *const *words)
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
		return setting_words(a, row->words);
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

struct problem setting_take(struct settings *s, int i, enum setting_origin origin,
			    const char *where, const char *text)
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
		struct problem p = setting_take(s, i, SETTING_PRESET, "preset", preset);
		assert(p.code == PROBLEM_NONE);
		(void)p;
	}
	return s;
}

/* ---- Names ---- */

bool setting_same_name(const char *a, size_t len, const char *name)
{
	size_t i = 0;

	for (; i < len && name[i]; i++) {
		if ((a[i] == '-' ? '_' : a[i]) != name[i])
			return false;
	}
	return i == len && !name[i];
}

int setting_row(const struct settings *s, const char *name, size_t len)
{
	for (int i = 0; i < s->table->n; i++) {
		if (setting_same_name(name, len, s->table->rows[i].name))
			return i;
	}
	return -1;
}

bool setting_allowed(const struct setting *row, enum setting_origin origin)
{
	return origin >= row->only;
}

/* listen -> HALLMARK_LISTEN */
char *setting_variable(struct arena *a, const struct setting_table *t, const struct setting *row)
{
	if (row->env)
		return arena_printf(a, "%s", row->env);
	char *v = arena_printf(a, "%s%s", t->prefix, row->name);
	for (char *p = v; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return v;
}

/* drain_delay -> --drain-delay */
char *setting_flag(struct arena *a, const struct setting *row)
{
	char *f = arena_printf(a, "--%s", row->name);

	for (char *p = f; *p; p++)
		if (*p == '_')
			*p = '-';
	return f;
}

/* ---- What the program itself decides ---- */

void settings_replace(struct settings *s, const char *name, const char *value)
{
	int i = setting_row(s, name, strlen(name));

	assert(i >= 0);
	enum setting_origin origin = s->held[i].origin;
	struct problem p = setting_take(s, i, SETTING_FLAG, name, value);
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
	int i = setting_row(s, name, strlen(name));

	assert(i >= 0);
	return s->held[i].origin;
}
