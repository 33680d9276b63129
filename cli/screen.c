#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

enum { COLUMNS_MOST = 16, GAP = 2, FIELD = 14 };

/* ---- one line --------------------------------------------------------------------- */

static bool plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f ||
		    (unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* Length of the UTF-8 character at s when it may be shown as it is, else 0. */
static size_t showable(const char *s)
{
	size_t left = strnlen(s, 4);

	if ((unsigned char)*s < 0x80)
		return (unsigned char)*s >= 0x20 && *s != 0x7f;
	for (size_t n = 2; n <= left; n++)
		if (utf8_valid(s, n))
			return utf8_forbidden(s, n) < 0 ? n : 0;
	return 0;
}

const char *screen_safe(struct arena *a, const char *s)
{
	if (plain(s))
		return s;

	char *out = arena_bytes(a, strlen(s) * 4 + 1), *to = out;

	while (*s) {
		size_t n = showable(s);

		if (n) {
			memcpy(to, s, n);
			to += n;
			s += n;
			continue;
		}
		to += snprintf(to, 5, "\\x%02x", (unsigned char)*s++);
	}
	*to = '\0';
	return out;
}

bool screen_colour(const struct cli *cli, FILE *stream)
{
	const char *term = getenv("TERM");
	const char *no = getenv("NO_COLOR");

	return !cli->globals.no_color && !(no && *no) && isatty(fileno(stream)) && term &&
	       strcmp(term, "dumb") != 0;
}

int screen_width(FILE *stream)
{
	struct winsize size = {0};

	if (!isatty(fileno(stream)))
		return 0;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

const char *screen_paint(const struct cli *cli, enum paint p, const char *s)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "",  [PAINT_HEAD] = "1",  [PAINT_GOOD] = "32",
		[PAINT_BAD] = "31", [PAINT_WARN] = "33", [PAINT_DIM] = "2",
	};

	if (!cli->colour || p == PAINT_NONE)
		return s;
	return arena_printf(cli->arena, "\033[%sm%s\033[0m", codes[p], s);
}

const char *screen_size(int64_t bytes, char buf[SIZE_TEXT])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	int unit = -1;

	while (v >= 999.95 && unit < 5) {
		v /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, SIZE_TEXT, "%lld B", (long long)bytes);
	else
		snprintf(buf, SIZE_TEXT, "%.1f %s", v, units[unit]);
	return buf;
}

const char *time_short(struct arena *a, const char *rfc3339)
{
	if (!rfc3339 || strlen(rfc3339) < 16 || rfc3339[10] != 'T')
		return rfc3339;
	return arena_printf(a, "%.10s %.5s", rfc3339, rfc3339 + 11);
}

/* ---- tables ----------------------------------------------------------------------- */

struct table {
	const struct cli *cli;
	const char *const *heads;
	size_t columns, cells, room;
	struct cell {
		const char *text;
		enum paint paint;
	} * cell;
	enum paint next;
};

/* Columns on the screen: one for each character. Wide scripts are off by some. */
static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

struct table *table_new(const struct cli *cli, const char *const *heads)
{
	struct table *t = arena_alloc(cli->arena, sizeof(*t));

	t->cli = cli;
	t->heads = heads;
	while (heads[t->columns] && t->columns < COLUMNS_MOST)
		t->columns++;
	return t;
}

void table_cell(struct table *t, const char *text)
{
	if (t->cells == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct cell *wider = arena_array(t->cli->arena, struct cell, room);

		if (t->cells)
			memcpy(wider, t->cell, t->cells * sizeof(*wider));
		t->cell = wider;
		t->room = room;
	}
	t->cell[t->cells++] = (struct cell){
		text && *text ? screen_safe(t->cli->arena, text) : "-",
		t->next,
	};
	t->next = PAINT_NONE;
}

void table_paint(struct table *t, enum paint p)
{
	t->next = p;
}

static void measure(const struct table *t, int *widths)
{
	for (size_t c = 0; c < t->columns; c++)
		widths[c] = width_of(t->heads[c]) - (t->heads[c][0] == '>');
	for (size_t i = 0; i < t->cells; i++) {
		int w = width_of(t->cell[i].text);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
}

/* How many bytes of s fill so many columns. */
static int bytes_of(const char *s, int columns)
{
	const char *p = s;

	while (*p && columns-- > 0)
		do
			p++;
		while (((unsigned char)*p & 0xc0) == 0x80);
	return (int)(p - s);
}

/* The last column may be cut to what is left of the line. */
static void print_last(const struct table *t, const struct cell *c, int left)
{
	const char *s = c->text;

	if (left > 1 && width_of(s) > left)
		s = arena_printf(t->cli->arena, "%.*s…", bytes_of(s, left - 1), s);
	printf("%s\n", screen_paint(t->cli, c->paint, s));
}

static void print_row(const struct table *t, const struct cell *cells, const int *widths)
{
	int used = 0, width = screen_width(stdout);

	for (size_t c = 0; c + 1 < t->columns; c++) {
		int pad = widths[c] - width_of(cells[c].text);
		bool right = t->heads[c][0] == '>';

		printf("%*s%s%*s", right ? pad : 0, "",
		       screen_paint(t->cli, cells[c].paint, cells[c].text), GAP + (right ? 0 : pad),
		       "");
		used += widths[c] + GAP;
	}
	print_last(t, &cells[t->columns - 1], width ? width - used : 0);
}

static void print_heads(const struct table *t, const int *widths)
{
	struct cell heads[COLUMNS_MOST];

	for (size_t c = 0; c < t->columns; c++)
		heads[c] = (struct cell){t->heads[c] + (t->heads[c][0] == '>'), PAINT_DIM};
	print_row(t, heads, widths);
}

bool table_is_empty(const struct table *t)
{
	return t->cells == 0;
}

void table_print(struct table *t)
{
	int widths[COLUMNS_MOST] = {0};

	if (t->columns == 0 || t->cells == 0)
		return;
	measure(t, widths);
	if (!t->cli->globals.quiet)
		print_heads(t, widths);
	for (size_t i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, t->cell + i, widths);
}

/* ---- single things ---------------------------------------------------------------- */

void screen_field(const struct cli *cli, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	printf("%s%*s%s\n", screen_paint(cli, PAINT_DIM, name), FIELD - width_of(name), "",
	       screen_safe(cli->arena, value));
}

void screen_heading(const struct cli *cli, const char *text)
{
	printf("\n%s\n", screen_paint(cli, PAINT_HEAD, text));
}
