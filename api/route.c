#include "api/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

const char *const method_names[METHOD_COUNT] = {
	[METHOD_GET] = "GET",     [METHOD_POST] = "POST",     [METHOD_PUT] = "PUT",
	[METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
};

enum method method_read(const char *name)
{
	for (enum method m = 0; m < METHOD_COUNT; m++)
		if (strcmp(method_names[m], name) == 0)
			return m;
	if (strcmp(name, "HEAD") == 0)
		return METHOD_HEAD;
	return strcmp(name, "OPTIONS") == 0 ? METHOD_OPTIONS : METHOD_OTHER;
}

/* A pattern cut at its slashes, once, so that matching compares lengths first. */
struct piece {
	const char *text;
	size_t len;
	enum { PIECE_LITERAL, PIECE_NAME, PIECE_REST } kind;
};
struct split {
	int n;
	struct piece pieces[ROUTE_SEGMENTS];
};
static struct split *splits;

static void piece_of(const char *s, size_t len, struct piece *out)
{
	*out = (struct piece){.text = s, .len = len};
	if (*s == '{') {
		out->text++;
		out->len -= 2;
		out->kind = PIECE_NAME;
		if (out->len > 3 && strncmp(out->text + out->len - 3, "...", 3) == 0) {
			out->len -= 3;
			out->kind = PIECE_REST;
		}
	}
}

static void split(const char *pattern, struct split *out)
{
	out->n = 0;
	for (const char *s = pattern; *s == '/' && s[1] && out->n < ROUTE_SEGMENTS;) {
		size_t len = strcspn(++s, "/");

		piece_of(s, len, &out->pieces[out->n++]);
		s += len;
	}
}

void routes_prepare(void)
{
	if (splits)
		return;
	splits = calloc((size_t)route_count, sizeof(*splits));
	if (!splits)
		log_out_of_memory("routes"); /* before the first request */
	for (int i = 0; i < route_count; i++)
		split(routes[i].pattern, &splits[i]);
}

static struct word rest_of(struct arena *a, const struct word *w, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += w[i].len + 1;
	char *text = arena_bytes(a, len), *p = text;
	for (int i = 0; i < n; i++) {
		memcpy(p, w[i].text, w[i].len);
		p += w[i].len;
		*p++ = '/';
	}
	p[-1] = '\0';
	return (struct word){text, len - 1};
}

static bool fits(const struct split *s, const struct target *t)
{
	bool rest = s->n > 0 && s->pieces[s->n - 1].kind == PIECE_REST;

	if (rest ? t->nsegments < s->n : t->nsegments != s->n)
		return false;
	for (int i = 0; i < s->n; i++) {
		const struct piece *p = &s->pieces[i];
		const struct word *w = &t->segments[i];

		if (p->kind == PIECE_LITERAL &&
		    (p->len != w->len || memcmp(p->text, w->text, p->len) != 0))
			return false;
	}
	return true;
}

static void take_params(struct arena *a, const struct split *s, const struct target *t,
			struct word *params)
{
	int n = 0;

	for (int i = 0; i < s->n && n < ROUTE_PARAMS; i++) {
		if (s->pieces[i].kind == PIECE_NAME)
			params[n++] = t->segments[i];
		else if (s->pieces[i].kind == PIECE_REST)
			params[n++] = rest_of(a, &t->segments[i], t->nsegments - i);
	}
}

struct match_result route_match(struct arena *a, enum method method, const struct target *t)
{
	struct match_result m = {.match = MATCH_NONE};
	enum method wanted = method == METHOD_HEAD ? METHOD_GET : method;

	for (int i = 0; i < route_count; i++) {
		if (!fits(&splits[i], t))
			continue;
		m.allowed |= 1U << routes[i].method;
		if (m.match == MATCH_FULL)
			continue;
		m.match = MATCH_PATH;
		if (routes[i].method != wanted)
			continue;
		m.match = MATCH_FULL;
		m.route = &routes[i];
		take_params(a, &splits[i], t, m.params);
		if (method < METHOD_COUNT)
			break; /* allowed is only asked for when nothing matched */
	}
	return m;
}

int route_param(const struct route *r, const char *name)
{
	const struct split *s = &splits[r - routes];
	int n = 0;

	for (int i = 0; i < s->n; i++) {
		if (s->pieces[i].kind == PIECE_LITERAL)
			continue;
		if (strlen(name) == s->pieces[i].len &&
		    memcmp(name, s->pieces[i].text, s->pieces[i].len) == 0)
			return n;
		n++;
	}
	return -1;
}
