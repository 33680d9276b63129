#include "base/connection.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char mask[] = "********";

struct masked {
	char *at;
};

static void put(struct masked *m, const char *s, size_t len)
{
	memcpy(m->at, s, len);
	m->at += len;
}

/* A keyword that may hold a secret; '%' because it could spell one in escapes. */
static bool secret_keyword(const char *s, size_t len)
{
	char word[32];

	if (len >= sizeof(word))
		return true;
	memcpy(word, s, len);
	word[len] = '\0';
	return strcasestr(word, "password") || strcasestr(word, "secret") || strchr(word, '%');
}

static void mask_query(struct masked *m, const char *s)
{
	while (*s) {
		size_t key = strcspn(s, "=&"), all = strcspn(s, "&");

		if (key < all && secret_keyword(s, key)) {
			put(m, s, key + 1);
			put(m, mask, sizeof(mask) - 1);
		} else {
			put(m, s, all);
		}
		s += all;
		if (*s)
			put(m, s++, 1);
	}
}

/* The password may hold any character, '@', '/' and '?' too when someone forgot to
 * escape it: everything up to the last '@' goes. */
static void mask_uri(struct masked *m, const char *s)
{
	const char *authority = strstr(s, "://") + 3, *at = strrchr(s, '@');
	const char *colon = strchr(authority, ':');

	if (at && colon && colon < at) {
		put(m, s, (size_t)(colon + 1 - s));
		put(m, mask, sizeof(mask) - 1);
		s = at;
	}
	size_t before = strcspn(s, "?");
	put(m, s, before);
	mask_query(m, s + before);
}

/* One value of `keyword = value`, in quotes or up to white space. */
static const char *pair_end(const char *s)
{
	bool quote = *s == '\'';

	for (s += quote; *s && (quote ? *s != '\'' : !isspace((unsigned char)*s)); s++) {
		if (*s == '\\' && s[1])
			s++;
	}
	return s + (quote && *s);
}

static void mask_pairs(struct masked *m, const char *s)
{
	while (*s) {
		const char *key = s + strspn(s, " \t\r\n\f\v");
		size_t len = strcspn(key, "= \t\r\n\f\v");
		const char *value = key + len;

		value += strspn(value, " \t\r\n\f\v");
		if (*value != '=') { /* not a pair: whatever it is, it is not shown */
			put(m, mask, *key ? sizeof(mask) - 1 : 0);
			return;
		}
		value += 1 + strspn(value + 1, " \t\r\n\f\v");
		const char *end = pair_end(value);
		bool secret = secret_keyword(key, len);
		put(m, s, (size_t)((secret ? value : end) - s));
		if (secret)
			put(m, mask, sizeof(mask) - 1);
		s = end;
	}
}

char *connection_mask(struct arena *a, const char *conninfo)
{
	/* every keyword can grow by the mask at most, and needs two characters to stand */
	char *out = arena_bytes(a, strlen(conninfo) * 5 + sizeof(mask));
	struct masked m = {.at = out};

	if (strstr(conninfo, "://"))
		mask_uri(&m, conninfo);
	else
		mask_pairs(&m, conninfo);
	*m.at = '\0';
	return out;
}
