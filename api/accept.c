#include "api/accept.h"

#include <string.h>
#include <strings.h>

/* How closely a range fits a type. */
enum { FIT_NONE, FIT_ANY, FIT_FAMILY, FIT_KIN, FIT_TYPE };

struct media_range {
	const char *text; /* "type/subtype" */
	size_t len;
	int quality;
};

void accept_begin(struct accept *a, const char *const *types)
{
	*a = (struct accept){.types = types};
}

/* --- one range --- */

static bool is(const struct media_range *r, const char *text)
{
	return strlen(text) == r->len && strncasecmp(r->text, text, r->len) == 0;
}

static bool is_json(const char *type)
{
	const size_t len = strlen(type), end = strlen("+json");

	return strcasecmp(type, "application/json") == 0 ||
	       (len > end && strcasecmp(type + len - end, "+json") == 0);
}

static int fit(const struct media_range *r, const char *type)
{
	if (is(r, type))
		return FIT_TYPE;
	if (is(r, "*/*") || is(r, "*"))
		return FIT_ANY;
	if (r->quality > 0 && is_json(type) &&
	    (is(r, "application/json") || is(r, "application/problem+json")))
		return FIT_KIN;
	if (r->len > 2 && memcmp(r->text + r->len - 2, "/*", 2) == 0 &&
	    strncasecmp(r->text, type, r->len - 1) == 0)
		return FIT_FAMILY;
	return FIT_NONE;
}

/* --- reading --- */

static const char *skip_blank(const char *s)
{
	return s + strspn(s, " \t");
}

/* To the next of the two marks outside quotes, or the end. */
static const char *until(const char *s, char mark, char other)
{
	for (bool quoted = false; *s; s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (!quoted && (*s == mark || *s == other))
			break;
	}
	return s;
}

/* Thousandths, -1 when it is none. What goes beyond three places, or one, is cut. */
static int quality_read(const char *s)
{
	const char *const first = s;
	int q = 0, digits = 0;

	for (; *s >= '0' && *s <= '9'; s++, digits++)
		q = q || *s > '0' ? 1000 : 0;
	if (*s == '.')
		for (int unit = 100; *++s >= '0' && *s <= '9'; unit /= 10, digits++)
			q += (*s - '0') * unit;
	s = skip_blank(s);
	if (s == first || digits == 0 || (*s && *s != ',' && *s != ';'))
		return -1;
	return q < 1000 ? q : 1000;
}

/* Parameters up to the comma behind them; q is the one that counts. */
static const char *parameters_read(const char *s, struct media_range *r)
{
	while (*s == ';') {
		s = skip_blank(s + 1);
		if (strncasecmp(s, "q=", 2) == 0)
			r->quality = quality_read(s + 2);
		s = until(s, ';', ',');
	}
	return s;
}

static bool range_is_good(const struct media_range *r)
{
	const char *slash = memchr(r->text, '/', r->len);

	if (r->quality < 0)
		return false;
	return is(r, "*") || (slash && slash > r->text && slash + 1 < r->text + r->len);
}

static void take(struct accept *a, const struct media_range *r)
{
	a->said = true;
	for (int i = 0; i < ACCEPT_TYPES && a->types[i]; i++) {
		const int now = fit(r, a->types[i]);

		if (now < a->of[i].fit || now == FIT_NONE)
			continue;
		if (now > a->of[i].fit || r->quality > a->of[i].quality)
			a->of[i].quality = r->quality;
		a->of[i].fit = now;
	}
}

void accept_line(struct accept *a, const char *value)
{
	for (const char *s = value; *s;) {
		s += strspn(s, " \t,");
		struct media_range r = {s, strcspn(s, " \t;,"), 1000};

		s = parameters_read(skip_blank(s + r.len), &r);
		if (*s && *s != ',')
			r.quality = -1; /* words without a mark between them */
		s = until(s, ',', ',');
		if (range_is_good(&r))
			take(a, &r);
	}
}

const char *accept_choice(const struct accept *a)
{
	int best = 0;

	if (!a->said)
		return a->types[0];
	for (int i = 1; i < ACCEPT_TYPES && a->types[i]; i++)
		if (a->of[i].quality > a->of[best].quality)
			best = i;
	return a->of[best].quality > 0 ? a->types[best] : NULL;
}
