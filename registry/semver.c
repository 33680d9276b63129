#include "registry/semver.h"

#include <string.h>

#include "base/ascii.h"
#include "base/quote.h"

enum { KEY_NUMBER = 0x01, KEY_WORD = 0x02, KEY_RELEASE = 0xff, KEY_END = 0x00 };

static const char *const number_names[SEMVER_NUMBERS] = {"major", "minor", "patch"};

/* Where the reader stands; what is wrong is said with the whole text in view. */
struct cursor {
	struct arena *arena;
	const char *where;
	const char *start, *at, *end;
};

#define FAULT(c, fmt, ...)                                                                         \
	problem_at((c)->arena, (c)->where, "%s is not a semantic version: " fmt,                   \
		   quote((c)->arena, (c)->start, (size_t)((c)->end - (c)->start)), __VA_ARGS__)

static bool is_identifier(char c)
{
	return ascii_alphanumeric(c) || c == '-';
}

static bool all_digits(struct semver_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		if (!ascii_digit(t.at[i]))
			return false;
	}
	return true;
}

static struct semver_text take(struct cursor *c, bool (*belongs)(char))
{
	struct semver_text t = {.at = c->at};

	while (c->at < c->end && belongs(*c->at))
		c->at++;
	t.len = (size_t)(c->at - t.at);
	return t;
}

static bool skip(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static struct problem leading_zero(struct cursor *c, const char *what, struct semver_text t)
{
	size_t zeros = 0;

	while (zeros + 1 < t.len && t.at[zeros] == '0')
		zeros++;
	return FAULT(c, "%s has a leading zero; write %s", what,
		     quote(c->arena, t.at + zeros, t.len - zeros));
}

static struct problem read_number(struct cursor *c, int part, struct semver_text *out)
{
	*out = take(c, ascii_digit);
	if (out->len == 0)
		return FAULT(c, "its %s number is missing; write MAJOR.MINOR.PATCH, such as 1.0.0",
			     number_names[part]);
	if (out->len > 1 && *out->at == '0')
		return leading_zero(c, number_names[part], *out);
	return NO_PROBLEM;
}

/* "1" and "1.2" are what people write most often: say the version they mean. */
static struct problem too_short(struct cursor *c, int numbers)
{
	return FAULT(c, "it has %s; write %.*s%s", numbers == 1 ? "one number" : "two numbers",
		     (int)(c->at - c->start), c->start, numbers == 1 ? ".0.0" : ".0");
}

static struct problem read_core(struct cursor *c, struct semver *out)
{
	for (int part = 0; part < SEMVER_NUMBERS; part++) {
		if (part > 0 && c->at == c->end)
			return too_short(c, part);
		if (part > 0 && !skip(c, '.'))
			return FAULT(c, "a dot has to follow the %s number",
				     number_names[part - 1]);
		TRY(read_number(c, part, &out->numbers[part]));
	}
	if (c->at < c->end && *c->at == '.')
		return FAULT(c, "it has more than three numbers; write %.*s, or %.*s+BUILD",
			     (int)(c->at - c->start), c->start, (int)(c->at - c->start), c->start);
	return NO_PROBLEM;
}

/* Dot-separated identifiers. Only a prerelease's numbers may not open with zero. */
static struct problem read_identifiers(struct cursor *c, const char *what, bool ordered,
				       struct semver_text *out)
{
	out->at = c->at;
	do {
		const struct semver_text id = take(c, is_identifier);

		if (id.len == 0 && (c->at == c->end || *c->at == '.' || *c->at == '+'))
			return FAULT(c,
				     "its %s has an empty identifier; leave the %s out, or "
				     "write letters, digits or hyphens there",
				     what, id.at == out->at ? "separator" : "dot");
		if (ordered && id.len > 1 && *id.at == '0' && all_digits(id))
			return leading_zero(c, "a numeric identifier of its prerelease", id);
	} while (skip(c, '.'));
	out->len = (size_t)(c->at - out->at);
	return NO_PROBLEM;
}

static struct problem read_tail(struct cursor *c, struct semver *out)
{
	if (skip(c, '-'))
		TRY(read_identifiers(c, "prerelease", true, &out->prerelease));
	if (skip(c, '+'))
		TRY(read_identifiers(c, "build metadata", false, &out->build));
	if (c->at < c->end)
		return FAULT(c, "%s cannot stand at byte %zu", quote(c->arena, c->at, 1),
			     (size_t)(c->at - c->start) + 1);
	return NO_PROBLEM;
}

struct problem semver_read(struct arena *a, const char *where, const char *s, size_t len,
			   struct semver *out)
{
	*out = (struct semver){0};
	if (len > 1 && *s == 'v' && ascii_digit(s[1]))
		s++, len--;
	if (len == 0)
		return problem_at(a, where, "a version cannot be empty; write one such as 1.0.0");
	if (len > SEMVER_MAX)
		return problem_at(a, where, "a version has at most %d bytes, this one has %zu",
				  SEMVER_MAX, len);
	out->text = arena_dup(a, s, len);

	struct cursor c = {a, where, out->text, out->text, out->text + len};
	TRY(read_core(&c, out));
	return read_tail(&c, out);
}

bool semver_looks_full(struct semver_text s)
{
	int dots = 0;
	size_t i = s.len > 1 && *s.at == 'v' && ascii_digit(s.at[1]);

	while (i < s.len && (ascii_digit(s.at[i]) || s.at[i] == '.'))
		dots += s.at[i++] == '.';
	return dots >= 2 && i > 0 &&
	       !(i < s.len && ascii_one_of(s.at[i], "xX*") && s.at[i - 1] == '.');
}

static unsigned char *put_number(unsigned char *p, struct semver_text number)
{
	*p++ = (unsigned char)number.len;
	return mempcpy(p, number.at, number.len);
}

static unsigned char *put_core(unsigned char *p, const struct semver_text *numbers)
{
	for (int part = 0; part < SEMVER_NUMBERS; part++)
		p = put_number(p, numbers[part]);
	return p;
}

static unsigned char *put_identifier(unsigned char *p, struct semver_text id)
{
	if (all_digits(id)) {
		*p++ = KEY_NUMBER;
		return put_number(p, id);
	}
	*p++ = KEY_WORD;
	p = mempcpy(p, id.at, id.len);
	*p++ = KEY_END;
	return p;
}

static unsigned char *put_prerelease(unsigned char *p, struct semver_text prerelease)
{
	const char *at = prerelease.at, *const end = at + prerelease.len;

	while (at < end) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot ? dot : end;

		p = put_identifier(p, (struct semver_text){at, (size_t)(stop - at)});
		at = dot ? dot + 1 : end;
	}
	*p++ = KEY_END;
	return p;
}

static size_t core_room(const struct semver_text *numbers)
{
	return numbers[SEMVER_MAJOR].len + numbers[SEMVER_MINOR].len + numbers[SEMVER_PATCH].len +
	       SEMVER_NUMBERS;
}

struct bytes semver_key(struct arena *a, const struct semver *v)
{
	/* An identifier of n bytes takes n + 2, so none takes more than three times its text. */
	unsigned char *key = arena_bytes(a, core_room(v->numbers) + 3 * v->prerelease.len + 1);
	unsigned char *p = put_core(key, v->numbers);

	if (semver_is_prerelease(v))
		p = put_prerelease(p, v->prerelease);
	else
		*p++ = KEY_RELEASE;
	return (struct bytes){key, (size_t)(p - key)};
}

struct bytes semver_core_key(struct arena *a, const struct semver_text numbers[SEMVER_NUMBERS])
{
	unsigned char *key = arena_bytes(a, core_room(numbers));

	return (struct bytes){key, (size_t)(put_core(key, numbers) - key)};
}

struct semver_text semver_next_number(struct arena *a, struct semver_text number)
{
	char *digits = arena_bytes(a, number.len + 1); /* one more for 99 + 1 */
	size_t i = number.len;

	memcpy(digits + 1, number.at, number.len);
	while (i > 0 && digits[i] == '9')
		digits[i--] = '0';
	if (i > 0) {
		digits[i]++;
		return (struct semver_text){digits + 1, number.len};
	}
	digits[0] = '1';
	return (struct semver_text){digits, number.len + 1};
}
