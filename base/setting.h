/* setting.h - settings as a table of rows; file, environment, flags and help follow from it.
 *
 *	static const struct setting rows[] = {
 *		{.name = "listen", .type = SETTING_TEXT, .offset = offsetof(struct config, listen),
 *		 .preset = "127.0.0.1:8080", .help = "address and port to serve on"},
 *	};
 *	static const struct setting_table table = {rows, 1, "HALLMARK_", NULL};
 *
 *	struct settings *s = settings_new(arena, &table, &config);
 *	TRY(settings_read_environment(s, environ));
 *
 * A setting called drain_delay is `drain_delay = 5s` in the file,
 * HALLMARK_DRAIN_DELAY in the environment and --drain-delay=5s as a flag. The
 * value of the strongest source holds, whatever the order of reading:
 * preset < file < environment < flag. Every value is checked where it stands,
 * also when a stronger one hides it. A name that is not in the table is INVALID
 * and the detail suggests the one that was probably meant. An empty value is as
 * good as none: what a weaker source says holds.
 *
 * The file is lines of `name = value`. A '#' at the start of a line or after
 * white space opens a comment. A value with such characters in it stands in
 * double quotes, where \" and \\ stand for " and \.
 *
 * Values and messages live in the arena. One thread.
 */
#ifndef HALLMARK_BASE_SETTING_H
#define HALLMARK_BASE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/problem.h"

enum setting_type {
	SETTING_TEXT,    /* const char *; NULL when absent */
	SETTING_PATH,    /* const char *, made absolute; "s3://…" and the like stay as they are */
	SETTING_INT,     /* int */
	SETTING_SIZE,    /* int64_t bytes: 4096, 64KiB, 1.5GiB */
	SETTING_SECONDS, /* int64_t microseconds: 30, 0.5s, 250ms, 10m, 12h, 90d */
	SETTING_BOOL,    /* bool: true, false, yes, no, on, off; a flag alone is true */
	SETTING_WORD     /* int (or an enum): the place of the value in words */
};

enum setting_secrecy {
	SETTING_OPEN,
	SETTING_CONNECTION, /* a libpq connection string: its passwords are masked in print */
	SETTING_SECRET      /* never printed */
};

enum setting_origin { SETTING_PRESET, SETTING_FILE, SETTING_ENVIRONMENT, SETTING_FLAG };

struct setting {
	const char *name; /* lower case with underscores */
	const char *env;  /* the variable when it is not the prefix and the name */
	enum setting_type type;
	enum setting_secrecy secrecy;
	enum setting_origin only; /* SETTING_PRESET: any source; else the weakest one allowed */
	size_t offset;
	const char *preset;       /* NULL: absent, or zero */
	int64_t min, max;         /* of numbers, in the member's unit; both 0: not limited */
	const char *const *words; /* SETTING_WORD; ends with NULL */
	const char *meta;         /* what help calls the value; NULL: by its type */
	const char *help;         /* one line, no full stop; NULL: not shown */
};

struct setting_table {
	const struct setting *rows;
	int n;
	const char *prefix;         /* of variables; NULL: the environment is not read */
	const char *const *foreign; /* fnmatch(3) patterns of variables with this prefix that
				     * belong to other programs; ends with NULL, or NULL */
};

struct settings;

/* Fills *into with the presets; they must be valid (asserted). */
struct settings *settings_new(struct arena *a, const struct setting_table *table, void *into);

struct problem settings_read_environment(struct settings *s,
					 const char *const *environment) MUST_CHECK;
struct problem settings_read_file(struct settings *s, const char *path) MUST_CHECK;
/* The text of a file; `name` is what messages call it. */
struct problem settings_read_text(struct settings *s, const char *name, const char *text,
				  size_t len) MUST_CHECK;

/* Reads --name=value and --name value for any of the sets, the first that has the
 * name taking it. Words that are no flags go to rest (NULL-ended, argc + 1 long) in
 * their order; after "--" every word does. */
struct problem settings_read_flags(struct settings *const *sets, int nsets, int argc,
				   const char *const *argv, const char **rest) MUST_CHECK;

/* Whether the word is a flag of the table whose value is the word after it. */
bool settings_flag_takes_next(const struct setting_table *table, const char *word);

/* For what a program works out itself: a preset that hangs on other settings. Does
 * nothing when any source gave the setting. The value must be valid (asserted). */
void settings_preset(struct settings *s, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets a value whatever its origin was; the value must be valid (asserted). */
void settings_replace(struct settings *s, const char *name, const char *value);

enum setting_origin settings_origin(const struct settings *s, const char *name);

/* The effective values as a file that can be read again, each with its origin as a
 * comment, secrets masked. */
void settings_print(const struct settings *s, FILE *out);
/* The same for another process of ours: nothing masked, no comments. */
void settings_write(const struct settings *s, FILE *out);
/* One entry per setting: flag, variable, preset, meaning. */
void settings_help(const struct setting_table *table, FILE *out);

#endif
