#include "storage/bucket.h"

#include <string.h>

#include "base/text.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define LETTER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LOWER
#define DIGIT  "0123456789"

static struct problem wrong(struct arena *a, const char *location, const char *why)
{
	return problem(a, PROBLEM_INVALID,
		       "the storage location \"%s\" %s; write "
		       "s3://bucket/prefix?endpoint=http://store.example:9000, "
		       "addressing=path|virtual and allow_unverified_tls=1 may follow, "
		       "each after a \"&\"",
		       location, why);
}

bool bucket_is(const char *location)
{
	return strncmp(location, "s3:", 3) == 0;
}

static bool consists_of(const char *s, const char *characters)
{
	return s[strspn(s, characters)] == '\0';
}

/* What every store takes: the rules of Amazon for new buckets. */
static bool is_bucket_name(const char *s)
{
	const size_t len = strlen(s);

	return len >= 3 && len <= 63 && consists_of(s, LOWER DIGIT ".-") &&
	       strchr(LOWER DIGIT, s[0]) && strchr(LOWER DIGIT, s[len - 1]) && !strstr(s, "..");
}

/* Only what needs no encoding in a URL: then everybody signs the same text. */
static struct problem read_prefix(struct arena *a, const char *location, const char *prefix,
				  struct bucket *out)
{
	const size_t len = strlen(prefix);

	if (len > BUCKET_PREFIX)
		return wrong(a, location, "has a prefix of more than 512 characters");
	if (!consists_of(prefix, LETTER DIGIT "._-/"))
		return wrong(a, location,
			     "has a prefix with other characters than letters, digits and ._-/");
	if (prefix[0] == '/' || strstr(prefix, "//") ||
	    strstr(arena_printf(a, "/%s/", prefix), "/./") ||
	    strstr(arena_printf(a, "/%s/", prefix), "/../"))
		return wrong(a, location, "has a prefix with an empty, \".\" or \"..\" part");
	out->prefix = len == 0 || prefix[len - 1] == '/' ? prefix : arena_printf(a, "%s/", prefix);
	return NO_PROBLEM;
}

static bool is_port(const char *s)
{
	return *s && strlen(s) <= 5 && consists_of(s, DIGIT);
}

/* A name or an address; an IPv6 address stands in brackets. */
static bool is_host(const char *s)
{
	const char *end = s[0] == '[' ? strchr(s, ']') : s + strcspn(s, ":");

	if (!end || end == s || strlen(s) > BUCKET_HOST)
		return false;
	if (s[0] == '[' ? strspn(s + 1, "abcdefABCDEF.:" DIGIT) != (size_t)(end - s - 1)
			: strspn(s, LETTER DIGIT "-.") != (size_t)(end - s))
		return false;
	end += *end == ']';
	return *end == '\0' || (*end == ':' && is_port(end + 1));
}

/* ---- the parameters --------------------------------------------------------------- */

static const char *set_endpoint(struct bucket *b, const char *value)
{
	const char *host = value;

	if (strncmp(value, "https://", 8) == 0)
		host += 8;
	else if (strncmp(value, "http://", 7) == 0)
		host += 7;
	if (host == value || !is_host(host))
		return "has an endpoint that is not http(s)://HOST[:PORT]";
	b->tls = value[4] == 's';
	b->host = host;
	return NULL;
}

static const char *set_addressing(struct bucket *b, const char *value)
{
	b->path_style = strcmp(value, "path") == 0;
	return b->path_style || strcmp(value, "virtual") == 0
		       ? NULL
		       : "has an addressing that is neither path nor virtual";
}

static const char *set_unverified(struct bucket *b, const char *value)
{
	b->allow_unverified_tls = strcmp(value, "1") == 0;
	return b->allow_unverified_tls || strcmp(value, "0") == 0
		       ? NULL
		       : "has an allow_unverified_tls that is neither 1 nor 0";
}

/* Each gives back what is wrong with the value, or NULL. */
static const struct {
	const char *name;
	const char *(*set)(struct bucket *b, const char *value);
} parameters[] = {
	{"endpoint", set_endpoint},
	{"addressing", set_addressing},
	{"allow_unverified_tls", set_unverified},
};
enum { PARAMETERS = sizeof(parameters) / sizeof(parameters[0]) };

static struct problem read_parameter(struct arena *a, const char *location, const char *text,
				     size_t len, unsigned *seen, struct bucket *out)
{
	const size_t name = strcspn(text, "=&");
	char *value;
	size_t value_len;
	int i = 0;

	while (i < PARAMETERS && !text_is(text, name < len ? name : len, parameters[i].name))
		i++;
	if (i == PARAMETERS)
		return wrong(a, location,
			     arena_printf(a, "has an unknown parameter \"%.*s\"",
					  (int)(name < len ? name : len), text));
	if (*seen & 1U << i)
		return wrong(a, location,
			     arena_printf(a, "has %s more than once", parameters[i].name));
	*seen |= 1U << i;
	if (name >= len || !percent_read(a, text + name + 1, len - name - 1, &value, &value_len) ||
	    strlen(value) != value_len)
		return wrong(a, location,
			     arena_printf(a, "has no proper value of %s", parameters[i].name));
	const char *why = parameters[i].set(out, value);
	return why ? wrong(a, location, why) : NO_PROBLEM;
}

struct problem bucket_read(struct arena *a, const char *location, struct bucket *out)
{
	unsigned seen = 0;

	*out = (struct bucket){.path_style = true};
	if (strncmp(location, "s3://", 5) != 0)
		return wrong(a, location, "does not begin with s3://");
	const char *at = location + 5, *query = at + strcspn(at, "?");
	const size_t name = strcspn(at, "/?");
	out->name = arena_dup(a, at, name);
	if (!is_bucket_name(out->name))
		return wrong(
			a, location,
			"has no bucket of 3 to 63 lower-case letters, digits, \"-\" and \".\"");
	at += name + (at[name] == '/');
	TRY(read_prefix(a, location, arena_dup(a, at, (size_t)(query - at)), out));
	for (size_t len; *query; query += len) {
		query++;
		len = strcspn(query, "&");
		TRY(read_parameter(a, location, query, len, &seen, out));
	}
	if (!out->host)
		return wrong(a, location, "names no endpoint");
	return NO_PROBLEM;
}
