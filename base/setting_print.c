/* Settings as people and other processes read them. */
#include <assert.h>
#include <string.h>

#include "base/connection.h"
#include "base/setting_internal.h"

static const char *const origin_names[] = {"preset", "file", "environment", "flag"};

static const char *in_quotes(struct arena *a, const char *text)
{
	size_t len = strlen(text);

	if (len && !strpbrk(text, "\"#\\") && !setting_blank(text[0]) &&
	    !setting_blank(text[len - 1]))
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
	if (!setting_allowed(row, SETTING_FILE))
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

		if (s->held[i].text && setting_allowed(row, SETTING_FILE))
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
			arena_printf(a, "%s=%s", setting_flag(a, row), meta_of(row)), row->help);
		if (row->type == SETTING_WORD)
			fprintf(out, ": %s", setting_words(a, row->words));
		if (row->preset)
			fprintf(out, " (%s)", row->preset);
		if (table->prefix && setting_allowed(row, SETTING_ENVIRONMENT))
			fprintf(out, " [%s]", setting_variable(a, table, row));
		fputc('\n', out);
	}
	arena_free(a);
}
