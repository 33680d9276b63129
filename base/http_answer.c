#include "base/http_answer.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

bool http_success(long status)
{
	return status >= 200 && status < 300;
}

const char *http_received(const struct http_call *call, const char *name)
{
	for (const struct http_header *h = call->received; h; h = h->next)
		if (strcasecmp(h->name, name) == 0)
			return h->value;
	return NULL;
}

static enum problem_code code_of_type(const char *type)
{
	const char *slash = strrchr(type, '/');

	for (int c = 1; c < PROBLEM_COUNT; c++)
		if (strcmp(problem_kinds[c].type, slash ? slash + 1 : type) == 0)
			return (enum problem_code)c;
	return PROBLEM_NONE;
}

static enum problem_code code_of_status(long status)
{
	for (int c = 1; c < PROBLEM_COUNT; c++)
		if ((long)problem_kinds[c].status == status)
			return (enum problem_code)c;
	if (status == 429)
		return PROBLEM_BUSY;
	return status >= 500 ? PROBLEM_UNAVAILABLE : PROBLEM_INVALID;
}

static const char *member(struct arena *a, const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) ? arena_dup(a, json_string_value(v), json_string_length(v)) : NULL;
}

static const struct problem_error *errors_of(struct arena *a, const json_t *list)
{
	const struct problem_error *first = NULL;

	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *row = json_array_get(list, i);
		struct problem_error *e = arena_alloc(a, sizeof(*e));

		e->pointer = member(a, row, "pointer");
		e->parameter = member(a, row, "parameter");
		e->header = member(a, row, "header");
		e->detail = member(a, row, "detail");
		e->next = first;
		if (e->detail)
			first = e;
	}
	return first;
}

static struct problem described(struct arena *a, const json_t *root, long status)
{
	const char *type = member(a, root, "type");
	const char *detail = member(a, root, "detail");
	struct problem p = {.code = type ? code_of_type(type) : PROBLEM_NONE};

	if (p.code == PROBLEM_NONE)
		p.code = code_of_status(status);
	if (!detail)
		detail = member(a, root, "title");
	p.detail = detail ? detail : problem_kinds[p.code].title;
	p.errors = errors_of(a, json_object_get(root, "errors"));
	return p;
}

struct problem http_accept(struct arena *a, const struct http_call *call)
{
	if (http_success(call->status))
		return NO_PROBLEM;

	json_t *root = json_loadb(call->text, call->len, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root)) {
		struct problem p = described(a, root, call->status);

		json_decref(root);
		return p;
	}
	json_decref(root);
	return problem(a, code_of_status(call->status), "%s %s was answered with status %ld",
		       call->method, call->target, call->status);
}
