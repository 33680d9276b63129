#include "api/condition.h"

#include <string.h>

#include "api/request.h"
#include "base/digest.h"
#include "base/text.h"

/* RFC 9110 §5.6.1.2: empty elements of a list are passed over. */
static const char *skip_empty(const char *s)
{
	return s + strspn(s, " \t,");
}

static struct problem malformed(struct arena *a, const char *header)
{
	return problem_at_header(a, header, "want \"*\" or a list of quoted entity tags");
}

static struct problem tags_read(struct arena *a, const char *header, const char *s,
				struct condition *out)
{
	for (s = skip_empty(s);;) {
		bool weak = strncmp(s, "W/", 2) == 0;
		const char *tag = weak ? s + 2 : s;
		const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;

		if (!end)
			return malformed(a, header);
		if (out->n == CONDITION_MAX)
			return problem_at_header(a, header, "at most %d entity tags are taken",
						 CONDITION_MAX);
		size_t len = (size_t)(end - tag) - 1;
		out->tags[out->n++] =
			(struct entity_tag){arena_dup(a, tag + 1, len), len, .weak = weak};
		s = end + 1 + strspn(end + 1, " \t");
		if (*s && *s != ',')
			return malformed(a, header);
		s = skip_empty(s);
		if (*s == '\0')
			return NO_PROBLEM;
	}
}

struct problem condition_read(struct arena *a, const char *header, const char *value,
			      struct condition *out)
{
	*out = (struct condition){.given = value != NULL};
	if (!value)
		return NO_PROBLEM;
	out->any = strcmp(value, "*") == 0;
	return out->any ? NO_PROBLEM : tags_read(a, header, value, out);
}

struct problem condition_of_change(struct request *rq, struct condition *match, bool *create_only)
{
	struct condition none;
	struct arena *a = rq->arena;

	TRY(condition_read(a, "If-Match", request_header(rq, "If-Match"), match));
	TRY(condition_read(a, "If-None-Match", request_header(rq, "If-None-Match"), &none));
	if (none.given && (!none.any || !create_only))
		return problem_at_header(a, "If-None-Match",
					 create_only ? "a change takes only If-None-Match: *"
						     : "this change takes If-Match alone");
	if (create_only)
		*create_only = none.any;
	return NO_PROBLEM;
}

bool condition_names(const struct condition *c, const char *tag)
{
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->tags[i].text, tag) == 0)
			return true;
	return c->any;
}

bool condition_is(const struct condition *c, const char *tag)
{
	for (int i = 0; i < c->n; i++)
		if (!c->tags[i].weak && strcmp(c->tags[i].text, tag) == 0)
			return true;
	return c->any;
}

/* Digits without a leading zero that fit. */
static bool version_of(const struct entity_tag *t, int64_t *out)
{
	int64_t v = 0;

	if (t->weak || t->len == 0 || t->len > 18 || t->text[0] == '0')
		return false;
	for (size_t i = 0; i < t->len; i++) {
		if (t->text[i] < '0' || t->text[i] > '9')
			return false;
		v = v * 10 + (t->text[i] - '0');
	}
	*out = v;
	return true;
}

void arg_match_versions(struct args *args, const struct condition *c)
{
	int64_t versions[CONDITION_MAX];
	size_t n = 0;

	if (!c->given) {
		arg_null(args);
		return;
	}
	if (c->any)
		versions[n++] = -1;
	for (int i = 0; i < c->n; i++)
		n += version_of(&c->tags[i], &versions[n]);
	arg_int8_array(args, versions, n);
}

void arg_match_digests(struct args *args, const struct condition *c)
{
	struct bytes digests[CONDITION_MAX];
	size_t n = 0;

	if (!c->given) {
		arg_null(args);
		return;
	}
	if (c->any)
		digests[n++] = (struct bytes){(const unsigned char *)"", 0};
	for (int i = 0; i < c->n; i++) {
		unsigned char *digest = arena_bytes(args->arena, SHA256_BYTES);

		if (!c->tags[i].weak &&
		    hex_read(digest, SHA256_BYTES, c->tags[i].text, c->tags[i].len))
			digests[n++] = (struct bytes){digest, SHA256_BYTES};
	}
	arg_bytes_array(args, digests, n);
}
