#include "registry/name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/ascii.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "registry/semver.h"

#define FAULT(...) problem_at(a, where, __VA_ARGS__)

/* ---- text that people read ---------------------------------------------------------- */

enum text_kind {
	TEXT_LINE,  /* a name: one line, normal form C, nothing hidden, no space at an end */
	TEXT_LINES, /* the same with tabs and line ends, spaces where they please */
	TEXT_PROSE, /* in any language: control characters alone are refused */
};

struct text_rule {
	const char *what; /* opens the sentence */
	size_t min, max;  /* bytes */
	const char *never;
	enum text_kind kind;
};

static struct problem check_length(struct arena *a, const char *where, const struct text_rule *rule,
				   size_t len)
{
	if (len < rule->min)
		return FAULT("%s cannot be empty", rule->what);
	if (len > rule->max)
		return FAULT("%s has at most %zu bytes, this one has %zu", rule->what, rule->max,
			     len);
	return NO_PROBLEM;
}

static bool is_line_control(char c)
{
	return c == '\n' || c == '\t' || c == '\r';
}

/* Piece by piece between tabs and line ends, which are controls too. */
static int32_t forbidden_in_lines(const char *s, size_t len)
{
	const char *const end = s + len;

	while (s < end) {
		const char *stop = s;

		while (stop < end && !is_line_control(*stop))
			stop++;
		const int32_t c = utf8_forbidden(s, (size_t)(stop - s));
		if (c >= 0)
			return c;
		s = stop + (stop < end);
	}
	return -1;
}

static int32_t forbidden_in_prose(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)s[i] < ' ' && !is_line_control(s[i])) || s[i] == 0x7f)
			return (unsigned char)s[i];
	}
	return -1;
}

static int32_t (*const forbidden[])(const char *s, size_t len) = {
	[TEXT_LINE] = utf8_forbidden,
	[TEXT_LINES] = forbidden_in_lines,
	[TEXT_PROSE] = forbidden_in_prose,
};

static struct problem check_never(struct arena *a, const char *where, const struct text_rule *rule,
				  const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr(rule->never, s[i]))
			return FAULT("%s cannot hold %s; none of these may stand in it: %s",
				     rule->what, quote(a, s + i, 1), rule->never);
	}
	return NO_PROBLEM;
}

static struct problem check_characters(struct arena *a, const char *where,
				       const struct text_rule *rule, const char *s, size_t len)
{
	if (!utf8_valid(s, len))
		return FAULT("%s has to be valid UTF-8", rule->what);
	const int32_t c = forbidden[rule->kind](s, len);
	if (c >= 0)
		return FAULT("%s cannot hold U+%04X; leave out control characters and marks that "
			     "turn the reading direction",
			     rule->what, (unsigned)c);
	if (rule->kind != TEXT_PROSE && !utf8_is_nfc(s, len))
		return FAULT("%s has to be in Unicode normal form C (NFC), in which an accented "
			     "letter is one character; normalise %s first",
			     rule->what, quote(a, s, len));
	return check_never(a, where, rule, s, len);
}

static bool is_space(const char *s, size_t len)
{
	utf8proc_int32_t c;

	return utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, &c) > 0 &&
	       utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

static size_t last_character(const char *s, size_t len)
{
	size_t at = len - 1;

	while (at > 0 && ((unsigned char)s[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static struct problem check_text(struct arena *a, const char *where, const struct text_rule *rule,
				 const char *s, size_t len)
{
	TRY(check_length(a, where, rule, len));
	if (len == 0)
		return NO_PROBLEM;
	TRY(check_characters(a, where, rule, s, len));
	const size_t last = last_character(s, len);
	if (rule->kind == TEXT_LINE && (is_space(s, len) || is_space(s + last, len - last)))
		return FAULT("%s cannot begin or end with a space: %s", rule->what,
			     quote(a, s, len));
	return NO_PROBLEM;
}

/* URLs drop such segments, so nothing can be called that. */
static bool is_dots(const char *s, size_t len)
{
	return (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
}

struct problem name_model(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a model's name", 1, NAME_MAX_BYTES, "/:@\\",
					      TEXT_LINE};

	TRY(check_text(a, where, &rule, s, len));
	if (is_dots(s, len))
		return FAULT("a model cannot be called %s: URLs drop such a segment",
			     quote(a, s, len));
	return NO_PROBLEM;
}

struct problem name_tag(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a tag's key", 1, NAME_MAX_BYTES, "=", TEXT_LINE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_tag_value(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a tag's value", 0, TAG_VALUE_MAX_BYTES, "",
					      TEXT_LINES};

	return check_text(a, where, &rule, s, len);
}

struct problem name_metric(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a metric's name", 1, NAME_MAX_BYTES, "<>=!@[],",
					      TEXT_LINE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_dataset(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a metric's dataset", 0, NAME_MAX_BYTES, "<>=!@[],",
					      TEXT_LINE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_slice(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a metric's slice", 0, NAME_MAX_BYTES, "[]",
					      TEXT_LINE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_note(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"this text", 1, NOTE_MAX_BYTES, "", TEXT_PROSE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_description(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a description", 0, DESCRIPTION_MAX_BYTES, "",
					      TEXT_PROSE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_card(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a model card", 0, CARD_MAX_BYTES, "", TEXT_PROSE};

	return check_text(a, where, &rule, s, len);
}

struct problem name_param(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"a parameter's name", 1, NAME_MAX_BYTES, "",
					      TEXT_LINE};

	return check_text(a, where, &rule, s, len);
}

/* ---- words of our own ------------------------------------------------------------------ */

struct problem name_project(struct arena *a, const char *where, const char *s, size_t len)
{
	static const char right[] = "write 1 to 63 of a-z, 0-9 and -, the first no hyphen";

	if (len == 0 || len > PROJECT_MAX_BYTES || *s == '-')
		return FAULT("%s cannot name a project; %s", quote(a, s, len), right);
	for (size_t i = 0; i < len; i++) {
		if (!ascii_alphanumeric(s[i]) && s[i] != '-')
			return FAULT("a project's name cannot hold %s; %s", quote(a, s + i, 1),
				     right);
		if (s[i] >= 'A' && s[i] <= 'Z')
			return FAULT("a project's name is lower case; %s", right);
	}
	return NO_PROBLEM;
}

/* Would a reader of references take it for something else? */
static bool is_reserved(struct arena *a, const char *s, size_t len)
{
	static const char *const words[] = {"latest", "newest"};
	struct semver v;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (len == strlen(words[i]) && strncasecmp(s, words[i], len) == 0)
			return true;
	}
	if (len > 1 && (*s == 'v' || *s == 'V')) {
		size_t digits = 1;

		while (digits < len && ascii_digit(s[digits]))
			digits++;
		if (digits == len)
			return true;
	}
	return semver_read(a, NULL, s, len, &v).code == PROBLEM_NONE;
}

struct problem name_alias(struct arena *a, const char *where, const char *s, size_t len)
{
	if (len == 0 || len > ALIAS_MAX_BYTES)
		return FAULT("an alias has 1 to %d bytes, this one has %zu", ALIAS_MAX_BYTES, len);
	const size_t good = ascii_word(s, len, "._-");
	if (good < len)
		return FAULT("an alias cannot hold %s; write A-Z, a-z, 0-9, dot, _ and -",
			     quote(a, s + good, 1));
	if (is_dots(s, len))
		return FAULT("an alias cannot be %s: URLs drop such a segment", quote(a, s, len));
	if (is_reserved(a, s, len))
		return FAULT("%s names a version by itself, so it cannot be an alias; take a word "
			     "such as champion",
			     quote(a, s, len));
	return NO_PROBLEM;
}

/* ---- artifact paths ---------------------------------------------------------------------- */

static struct problem check_segment(struct arena *a, const char *where, const char *s, size_t len)
{
	if (len == 0)
		return FAULT("an artifact's path has no empty segment: no / at an end, no //");
	if (is_dots(s, len))
		return FAULT("an artifact's path has no %s segment; write the path from the "
			     "version's root",
			     quote(a, s, len));
	if (len > NAME_MAX_BYTES)
		return FAULT(
			"a segment of an artifact's path has at most %d bytes, as file systems "
			"have it; this one has %zu",
			NAME_MAX_BYTES, len);
	return NO_PROBLEM;
}

/* What a pull keeps beside the files: signatures and the attestation. */
static bool is_our_folder(const char *s, size_t len)
{
	static const char ours[] = ".hallmark";

	return len == sizeof(ours) - 1 && strncasecmp(s, ours, len) == 0;
}

struct problem name_path(struct arena *a, const char *where, const char *s, size_t len)
{
	static const struct text_rule rule = {"an artifact's path", 1, PATH_MAX_BYTES, "\\",
					      TEXT_LINE};
	const char *at = s, *const end = s + len;

	TRY(check_text(a, where, &rule, s, len));
	if (len > 1 && s[1] == ':' && ascii_alphanumeric(s[0]))
		return FAULT("an artifact's path has no drive letter: %s", quote(a, s, len));
	for (;;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *stop = slash ? slash : end;

		TRY(check_segment(a, where, at, (size_t)(stop - at)));
		if (at == s && is_our_folder(at, (size_t)(stop - at)))
			return FAULT("the folder .hallmark is where a pull keeps signatures; "
				     "take another");
		if (!slash)
			return NO_PROBLEM;
		at = slash + 1;
	}
}
