/* setting_internal.h - what the files behind base/setting.h share; for nobody else. */
#ifndef HALLMARK_BASE_SETTING_INTERNAL_H
#define HALLMARK_BASE_SETTING_INTERNAL_H

#include "base/setting.h"

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

/* Checks the value of row i, and keeps it when no stronger source has spoken. */
struct problem setting_take(struct settings *s, int i, enum setting_origin origin,
			    const char *where, const char *text) MUST_CHECK;

/* '-' in the first is as good as '_'. */
bool setting_same_name(const char *given, size_t len, const char *name);
int setting_row(const struct settings *s, const char *name, size_t len); /* -1: none */
bool setting_allowed(const struct setting *row, enum setting_origin origin);

char *setting_variable(struct arena *a, const struct setting_table *t, const struct setting *row);
char *setting_flag(struct arena *a, const struct setting *row);
char *setting_words(struct arena *a, const char *const *words); /* "red, green or blue" */

bool setting_blank(char c); /* white space within a line of the file */

#endif
