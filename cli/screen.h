/* screen.h - text for people: tables, colours, sizes, times.
 *
 * Colour is never the only bearer of a meaning. What comes from a server is made
 * safe first: control characters could rewrite the terminal.
 */
#ifndef HALLMARK_CLI_SCREEN_H
#define HALLMARK_CLI_SCREEN_H

#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"

/* A line with every control character (and what is no UTF-8) shown as \xNN. */
const char *screen_safe(struct arena *a, const char *s);

/* True when escape sequences are welcome on the stream: a terminal that is not
 * dumb, NO_COLOR unset, no --no-color. */
bool screen_colour(const struct cli *cli, FILE *stream);
int screen_width(FILE *stream); /* columns; 0 when it is no terminal */

enum paint { PAINT_NONE, PAINT_HEAD, PAINT_GOOD, PAINT_BAD, PAINT_WARN, PAINT_DIM };
const char *screen_paint(const struct cli *cli, enum paint p, const char *s);

enum { SIZE_TEXT = 24 };
const char *screen_size(int64_t bytes, char buf[SIZE_TEXT]);  /* "90.9 MB": thousands */
const char *time_short(struct arena *a, const char *rfc3339); /* "2026-01-13 22:03", UTC */

/* A table whose columns are as wide as what they hold. On a terminal the last
 * column is cut to what fits; in a pipe nothing is cut. A head that begins with
 * '>' stands to the right. */
struct table;
struct table *table_new(const struct cli *cli, const char *const *heads); /* ends with NULL */
void table_cell(struct table *t, const char *text);                       /* NULL: "-" */
void table_paint(struct table *t, enum paint p); /* the next cell's colour */
bool table_is_empty(const struct table *t);
void table_print(struct table *t);

/* "name      value" lines of a single thing; no line when value is NULL. */
void screen_field(const struct cli *cli, const char *name, const char *value);
void screen_heading(const struct cli *cli, const char *text);

#endif
