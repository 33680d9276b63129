#include "registry/notation.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/quote.h"

#define FAULT(...) problem_at(a, where, __VA_ARGS__)

/* RFC 9110 §5.6.2 */
static const char token_marks[] = "!#$%&'*+-.^_`|~";

static size_t token_length(const char *s, size_t len)
{
	return ascii_word(s, len, token_marks);
}

static size_t quoted_length(const char *s, size_t len)
{
	size_t i = 1;

	while (i < len && s[i] != '"') {
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e)
			return 0;
		i += s[i] == '\\' ? 2 : 1;
	}
	return i < len ? i + 1 : 0;
}

static size_t blanks(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

/* "; name=value" at the start of s: its length, 0 when it is malformed. */
static size_t parameter_length(const char *s, size_t len)
{
	size_t at = blanks(s, len);

	if (at == len || s[at++] != ';')
		return 0;
	at += blanks(s + at, len - at);
	const size_t name = token_length(s + at, len - at);
	at += name;
	if (name == 0 || at == len || s[at++] != '=')
		return 0;
	const size_t value = at < len && s[at] == '"' ? quoted_length(s + at, len - at)
						      : token_length(s + at, len - at);
	return value ? at + value : 0;
}

static bool is_media_type(const char *s, size_t len)
{
	size_t at = token_length(s, len);

	if (at == 0 || at == len || s[at++] != '/')
		return false;
	const size_t subtype = token_length(s + at, len - at);
	if (subtype == 0)
		return false;
	at += subtype;
	while (at < len) {
		const size_t parameter = parameter_length(s + at, len - at);

		if (parameter == 0)
			return false;
		at += parameter;
	}
	return true;
}

struct problem notation_media_type(struct arena *a, const char *where, const char *s, size_t len)
{
	if (len > MEDIA_TYPE_MAX_BYTES)
		return FAULT("a media type has at most %d bytes, this one has %zu",
			     MEDIA_TYPE_MAX_BYTES, len);
	if (!is_media_type(s, len))
		return FAULT("%s is not a media type; write type/subtype, such as "
			     "application/octet-stream",
			     quote(a, s, len));
	return NO_PROBLEM;
}

static bool lower_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!ascii_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return true;
}

struct problem notation_digest(struct arena *a, const char *where, const char *s, size_t len)
{
	static const char prefix[] = "sha256:";
	const size_t head = sizeof(prefix) - 1;

	if (len != head + 64 || memcmp(s, prefix, head) != 0 || !lower_hex(s + head, 64))
		return FAULT("%s is not a digest; write sha256: and 64 lower-case hex digits",
			     quote(a, s, len));
	return NO_PROBLEM;
}

struct problem notation_commit(struct arena *a, const char *where, const char *s, size_t len)
{
	if ((len != 40 && len != 64) || !lower_hex(s, len))
		return FAULT("%s is not a full commit id; write its 40 (SHA-1) or 64 (SHA-256) "
			     "lower-case hex digits",
			     quote(a, s, len));
	return NO_PROBLEM;
}

/* RFC 3986 §3.1 */
static size_t scheme_length(const char *s, size_t len)
{
	const size_t n = ascii_word(s, len, "+-.");

	if (len == 0 || !ascii_letter(*s))
		return 0;
	return n < len && s[n] == ':' ? n : 0;
}

/* Is there a password before the @ of the authority? What is stored here is shown. */
static bool has_password(const char *s, size_t len)
{
	size_t stop = 2, colon = 0;

	if (len < 2 || memcmp(s, "//", 2) != 0)
		return false;
	while (stop < len && !strchr("/?#", s[stop]))
		stop++;
	const char *at = memrchr(s, '@', stop);
	const char *first = memchr(s, ':', stop);
	colon = first ? (size_t)(first - s) : stop;
	return at && s + colon < at;
}

static struct problem check_uri_characters(struct arena *a, const char *where, const char *s,
					   size_t len)
{
	if (len == 0 || len > URI_MAX_BYTES)
		return FAULT("a URI has 1 to %d bytes, this one has %zu", URI_MAX_BYTES, len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] > '~' ||
		    strchr("<>\"\\^`{|}", s[i]))
			return FAULT("a URI cannot hold %s; percent-encode it", quote(a, s + i, 1));
	}
	return NO_PROBLEM;
}

struct problem notation_uri(struct arena *a, const char *where, const char *s, size_t len)
{
	TRY(check_uri_characters(a, where, s, len));
	const size_t scheme = scheme_length(s, len);
	if (scheme == 0 || scheme + 1 == len)
		return FAULT("%s has no scheme; write a whole URI such as s3://bucket/key or "
			     "https://host/path",
			     quote(a, s, len));
	if (has_password(s + scheme + 1, len - scheme - 1))
		return FAULT("this URI holds a password, which everyone could read here; leave it "
			     "out and try again");
	return NO_PROBLEM;
}

struct problem notation_image(struct arena *a, const char *where, const char *s, size_t len)
{
	return check_uri_characters(a, where, s, len);
}
