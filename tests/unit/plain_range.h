/* plain_range.h - what a range means by npm's rules, the long way.
 *
 * A range is rewritten to plain comparators on full versions as the tables in
 * node-semver's documentation do it; a version is then asked for: does it satisfy
 * all of them and, when it is a prerelease, does one of them carry a prerelease of
 * the same three numbers? plain_range_generate() makes such ranges up.
 */
#ifndef HALLMARK_TESTS_PLAIN_RANGE_H
#define HALLMARK_TESTS_PLAIN_RANGE_H

#include <stdio.h>

#include "plain_semver.h"

enum { PLAIN_MAX = 16, PLAIN_TEXT = 48 };

struct plain {
	char op[3];
	char version[PLAIN_TEXT]; /* "": anything */
};

struct plain_range {
	struct plain all[PLAIN_MAX];
	int n;
};

/* A comparator as generated: numbers < 0 are x. */
struct generated {
	const char *op;
	int given, numbers[3];
	const char *prerelease;
	bool spell_x;
};

static inline void add_plain(struct plain_range *r, const char *op, int major, int minor, int patch,
			     const char *prerelease)
{
	struct plain *p = &r->all[r->n++];

	snprintf(p->op, sizeof(p->op), "%s", op);
	snprintf(p->version, sizeof(p->version), "%d.%d.%d%s%s", major, minor, patch,
		 *prerelease ? "-" : "", prerelease);
}

/* One more at `part`, zeros behind it. */
static inline void add_below_next(struct plain_range *r, const struct generated *g, int part)
{
	int n[3] = {0};

	for (int i = 0; i <= part; i++)
		n[i] = g->numbers[i] + (i == part);
	add_plain(r, "<", n[0], n[1], n[2], "0");
}

static inline void desugar_partial(struct plain_range *r, const struct generated *g)
{
	int n[3] = {0}, next[3] = {0};

	for (int i = 0; i < g->given; i++) {
		n[i] = g->numbers[i];
		next[i] = g->numbers[i] + (i == g->given - 1);
	}
	if (strcmp(g->op, ">=") == 0)
		add_plain(r, ">=", n[0], n[1], n[2], "");
	else if (strcmp(g->op, ">") == 0)
		add_plain(r, ">=", next[0], next[1], next[2], "");
	else if (strcmp(g->op, "<") == 0)
		add_plain(r, "<", n[0], n[1], n[2], "0");
	else if (strcmp(g->op, "<=") == 0)
		add_plain(r, "<", next[0], next[1], next[2], "0");
	else {
		add_plain(r, ">=", n[0], n[1], n[2], "");
		add_plain(r, "<", next[0], next[1], next[2], "0");
	}
}

static inline void desugar_shorthand(struct plain_range *r, const struct generated *g)
{
	int n[3] = {0}, part = 0;

	for (int i = 0; i < g->given; i++)
		n[i] = g->numbers[i];
	add_plain(r, ">=", n[0], n[1], n[2], g->given == 3 ? g->prerelease : "");
	if (*g->op == '~')
		part = g->given >= 2;
	else if (n[0] > 0 || g->given == 1)
		part = 0;
	else if (n[1] > 0 || g->given == 2)
		part = 1;
	else
		part = 2;
	add_below_next(r, g, part);
}

static inline void desugar(struct plain_range *r, const struct generated *g)
{
	const bool strict = strcmp(g->op, "<") == 0 || strcmp(g->op, ">") == 0;

	if (g->given == 0 && strict)
		add_plain(r, "<", 0, 0, 0, "0");
	else if (g->given == 0)
		r->all[r->n++].version[0] = '\0';
	else if (*g->op == '^' || *g->op == '~')
		desugar_shorthand(r, g);
	else if (g->given < 3)
		desugar_partial(r, g);
	else
		add_plain(r, *g->op ? g->op : "=", g->numbers[0], g->numbers[1], g->numbers[2],
			  g->prerelease);
}

static inline bool satisfies(const struct plain *p, const char *version)
{
	const int order = *p->version ? plain_compare(version, p->version) : 0;

	if (!*p->version)
		return true;
	if (order == 0)
		return strchr(p->op, '=') != NULL;
	return *p->op == (order < 0 ? '<' : '>');
}

static inline bool same_core(const char *a, const char *b)
{
	const size_t core = strcspn(a, "-");

	return core == strcspn(b, "-") && memcmp(a, b, core) == 0;
}

static inline bool plain_sees(const struct plain_range *r, const char *version)
{
	bool named = !strchr(version, '-');

	for (int i = 0; i < r->n; i++) {
		if (!satisfies(&r->all[i], version))
			return false;
		named = named ||
			(strchr(r->all[i].version, '-') && same_core(r->all[i].version, version));
	}
	return named;
}

static inline unsigned dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % sides;
}

static inline struct generated generate(unsigned *seed)
{
	static const char *const ops[] = {"", "=", ">", ">=", "<", "<=", "^", "~"};
	static const char *const prereleases[] = {"", "", "0", "a", "a.1", "b"};
	struct generated g = {.op = ops[dice(seed, 8)], .spell_x = dice(seed, 2)};

	g.given = dice(seed, 3) ? 3 : (int)dice(seed, 4);
	for (int i = 0; i < 3; i++)
		g.numbers[i] = (int)dice(seed, 3);
	g.prerelease = g.given == 3 ? prereleases[dice(seed, 6)] : "";
	if (g.given == 0 || (g.given < 3 && !*g.op))
		g.spell_x = true; /* a bare 1.4 is refused */
	return g;
}

static inline void append_text(char *text, const struct generated *g)
{
	char *p = text + strlen(text);

	p += sprintf(p, "%s%s", p == text ? "" : " ", g->op);
	for (int i = 0; i < 3 && (i < g->given || g->spell_x); i++) {
		if (i < g->given)
			p += sprintf(p, "%s%d", i ? "." : "", g->numbers[i]);
		else
			p += sprintf(p, "%sx", i ? "." : "");
	}
	if (*g->prerelease)
		sprintf(p, "-%s", g->prerelease);
}

/* A range of one to four comparators, as text of at least 256 bytes and the long way. */
static inline void plain_range_generate(unsigned *seed, char *text, struct plain_range *out)
{
	*out = (struct plain_range){0};
	*text = '\0';
	for (unsigned n = 1 + dice(seed, 4); n > 0; n--) {
		const struct generated g = generate(seed);

		append_text(text, &g);
		desugar(out, &g);
	}
}

#endif
