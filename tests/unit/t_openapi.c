/* The API's description against what the service is made of: the route table, both
 * ways, the table of problems, the words of lineage. */
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "api/accept.h"
#include "api/openapi.h"
#include "api/route.h"
#include "base/problem.h"
#include "registry/lineage.h"

static json_t *description;

/* What security says of an access; open routes have an empty list. */
static const char *const access_words[] = {
	[ACCESS_OPEN] = NULL,         [ACCESS_TOKEN] = "",          [ACCESS_READ] = "read",
	[ACCESS_PUBLISH] = "publish", [ACCESS_PROMOTE] = "promote", [ACCESS_APPROVE] = "approve",
	[ACCESS_ADMIN] = "admin",     [ACCESS_SYSTEM] = "system",
};

/* --- looking into the description --- */

/* "#/components/parameters/tag" -> that parameter; NULL when it leads nowhere. */
static json_t *at_pointer(const char *ref)
{
	json_t *at = strncmp(ref, "#/", 2) == 0 ? description : NULL;
	char part[100];

	for (const char *p = ref + 1; at && *p == '/';) {
		size_t len = strcspn(++p, "/");

		snprintf(part, sizeof(part), "%.*s", (int)len, p);
		at = json_object_get(at, part);
		p += len;
	}
	return at;
}

static json_t *resolved(json_t *value)
{
	const char *ref = json_string_value(json_object_get(value, "$ref"));

	return ref ? at_pointer(ref) : value;
}

/* The operation's parameter of this name and place, or its path's. */
static json_t *parameter(json_t *item, json_t *operation, const char *in, const char *name)
{
	json_t *lists[] = {json_object_get(operation, "parameters"),
			   json_object_get(item, "parameters")};

	for (int i = 0; i < 2; i++) {
		json_t *one;
		size_t k;

		json_array_foreach(lists[i], k, one)
		{
			json_t *p = resolved(one);

			if (strcmp(json_string_value(json_object_get(p, "in")), in) == 0 &&
			    strcmp(json_string_value(json_object_get(p, "name")), name) == 0)
				return p;
		}
	}
	return NULL;
}

static size_t parameters_in(json_t *item, json_t *operation, const char *in)
{
	json_t *lists[] = {json_object_get(operation, "parameters"),
			   json_object_get(item, "parameters")};
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		json_t *one;
		size_t k;

		json_array_foreach(lists[i], k, one)
		{
			n += strcmp(json_string_value(json_object_get(resolved(one), "in")), in) ==
			     0;
		}
	}
	return n;
}

/* "/a/{path...}" -> "/a/{path}": OpenAPI has no word for the rest of a path. */
static const char *path_of(const struct route *r, char *buf, size_t size)
{
	const char *dots = strstr(r->pattern, "...}");

	snprintf(buf, size, "%.*s%s", dots ? (int)(dots - r->pattern) : 500, r->pattern,
		 dots ? "}" : "");
	return buf;
}

static const char *method_key(enum method m)
{
	static const char *const keys[] = {"get", "post", "put", "patch", "delete"};

	return keys[m];
}

static json_t *item_of(const struct route *r)
{
	char path[500];

	return json_object_get(json_object_get(description, "paths"),
			       path_of(r, path, sizeof(path)));
}

/* --- one row --- */

static bool describes_path(const struct route *r, json_t *item, json_t *operation)
{
	size_t n = 0;
	char name[64];

	for (const char *p = strchr(r->pattern, '{'); p; p = strchr(p, '{'), n++) {
		p++;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ".}"), p);
		json_t *found = parameter(item, operation, "path", name);

		if (!json_is_true(json_object_get(found, "required")))
			return false;
	}
	return parameters_in(item, operation, "path") == n;
}

/* "tag*" may come several times: an array that is exploded, as form does unasked. */
static bool describes_query(const struct route *r, json_t *item, json_t *operation)
{
	size_t n = 0;
	char name[64];

	for (; n < ROUTE_QUERY && r->query[n]; n++) {
		size_t len = strcspn(r->query[n], "*");

		snprintf(name, sizeof(name), "%.*s", (int)len, r->query[n]);
		json_t *p = parameter(item, operation, "query", name);
		json_t *schema = resolved(json_object_get(p, "schema"));
		const char *type = json_string_value(json_object_get(schema, "type"));
		bool repeats = type && strcmp(type, "array") == 0 &&
			       !json_is_false(json_object_get(p, "explode"));

		if (!p || repeats != (r->query[n][len] == '*'))
			return false;
	}
	return parameters_in(item, operation, "query") == n;
}

static bool describes_access(const struct route *r, json_t *operation)
{
	const char *word = access_words[r->access];
	json_t *security = json_object_get(operation, "security");
	json_t *scopes = json_object_get(json_array_get(security, 0), "token");

	if (!word)
		return json_is_array(security) && json_array_size(security) == 0;
	if (json_array_size(security) != 1 || !scopes)
		return false;
	if (!*word)
		return json_array_size(scopes) == 0;
	return json_array_size(scopes) == 1 &&
	       strcmp(json_string_value(json_array_get(scopes, 0)), word) == 0;
}

static bool describes_body(const struct route *r, json_t *operation)
{
	json_t *body = resolved(json_object_get(operation, "requestBody"));
	json_t *content = json_object_get(body, "content");

	switch (r->body) {
	case BODY_JSON:
		return json_object_get(content, "application/json") &&
		       !json_object_get(content, "application/merge-patch+json") ==
			       (r->method != METHOD_PATCH);
	case BODY_STREAM:
		return json_object_get(content, "*/*") != NULL;
	case BODY_NONE:
		break;
	}
	return body == NULL;
}

/* The content of the first success that has any. */
static json_t *content_of(json_t *operation)
{
	static const char *const good[] = {"200", "201"};
	json_t *responses = json_object_get(operation, "responses");

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		json_t *content =
			json_object_get(resolved(json_object_get(responses, good[i])), "content");

		if (content)
			return content;
	}
	return NULL;
}

/* "text/plain; charset=utf-8" is a text/plain. */
static bool has_type(json_t *content, const char *type)
{
	const char *key;
	json_t *value;

	json_object_foreach(content, key, value)
	{
		if (strlen(type) == strcspn(key, ";") && strncmp(key, type, strlen(type)) == 0)
			return true;
	}
	return false;
}

/* Where the row leaves it open, the client's Accept is not looked at. */
static bool describes_media(const struct route *r, json_t *operation)
{
	json_t *content = content_of(operation);
	size_t n = 0;

	for (; r->media && r->media[n]; n++)
		if (!has_type(content, r->media[n]))
			return false;
	return !r->media || (n <= ACCEPT_TYPES && json_object_size(content) == n);
}

/* Reading in a project without a role is a 404, so only more than that can be a 403. */
static bool describes_refusals(const struct route *r, json_t *operation)
{
	json_t *responses = json_object_get(operation, "responses");

	return !json_object_get(responses, "401") == (r->access == ACCESS_OPEN) &&
	       !json_object_get(responses, "403") == (r->access <= ACCESS_READ) &&
	       json_object_get(responses, "default");
}

static void check_row(const struct route *r)
{
	const char *method = method_names[r->method];
	json_t *item = item_of(r);
	json_t *operation = json_object_get(item, method_key(r->method));

	if (!ok(operation != NULL, "%s %s is described", method, r->pattern))
		return;
	ok(describes_path(r, item, operation), "%s %s: its path parameters", method, r->pattern);
	ok(describes_query(r, item, operation), "%s %s: its query parameters", method, r->pattern);
	ok(describes_access(r, operation), "%s %s: who may", method, r->pattern);
	ok(describes_body(r, operation), "%s %s: its body", method, r->pattern);
	ok(describes_media(r, operation), "%s %s: its media types", method, r->pattern);
	ok(describes_refusals(r, operation), "%s %s: 401, 403, default", method, r->pattern);
}

/* --- the other way --- */

static bool served(const char *path, const char *method)
{
	char buf[500];

	for (int i = 0; i < route_count; i++)
		if (strcmp(path_of(&routes[i], buf, sizeof(buf)), path) == 0 &&
		    strcmp(method_key(routes[i].method), method) == 0)
			return true;
	return false;
}

static bool is_tag(const char *name)
{
	json_t *tag;
	size_t i;

	json_array_foreach(json_object_get(description, "tags"), i, tag)
	{
		if (name && strcmp(json_string_value(json_object_get(tag, "name")), name) == 0)
			return true;
	}
	return false;
}

static void check_operation(const char *path, const char *method, json_t *operation, json_t *ids)
{
	const char *id = json_string_value(json_object_get(operation, "operationId"));
	json_t *tags = json_object_get(operation, "tags");

	ok(served(path, method), "%s %s is served", method, path);
	ok(id && !json_object_get(ids, id), "%s %s has an id of its own", method, path);
	ok(json_array_size(tags) == 1 && is_tag(json_string_value(json_array_get(tags, 0))),
	   "%s %s has one tag that is declared", method, path);
	ok(json_is_string(json_object_get(operation, "summary")), "%s %s has a summary", method,
	   path);
	if (id)
		json_object_set_new(ids, id, json_true());
}

static void check_paths(void)
{
	json_t *ids = json_object(), *item, *operation;
	const char *path, *method;

	json_object_foreach(json_object_get(description, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			if (strcmp(method, "parameters") != 0)
				check_operation(path, method, operation, ids);
		}
	}
	json_decref(ids);
}

/* --- references --- */

/* Each "$ref" leads somewhere; used remembers where. */
static void follow(json_t *value, json_t *used, int *broken)
{
	const char *key;
	json_t *child;
	size_t i;

	json_object_foreach(value, key, child)
	{
		if (strcmp(key, "$ref") == 0 && json_is_string(child)) {
			*broken += at_pointer(json_string_value(child)) == NULL;
			json_object_set_new(used, json_string_value(child), json_true());
		} else {
			follow(child, used, broken);
		}
	}
	json_array_foreach(value, i, child)
	{
		follow(child, used, broken);
	}
}

static void check_references(void)
{
	json_t *used = json_object(), *group, *component;
	const char *kind, *name;
	char ref[200];
	int broken = 0;

	follow(description, used, &broken);
	is_int(broken, 0, "every reference leads somewhere");
	json_object_foreach(json_object_get(description, "components"), kind, group)
	{
		json_object_foreach(group, name, component)
		{
			snprintf(ref, sizeof(ref), "#/components/%s/%s", kind, name);
			ok(strcmp(kind, "securitySchemes") == 0 || json_object_get(used, ref),
			   "%s is used", ref);
		}
	}
	json_decref(used);
}

/* --- words that stand in tables --- */

static void check_words(const json_t *list, const char *const *words, const char *what)
{
	size_t n = 0;

	for (; words[n]; n++) {
		const char *there = json_string_value(json_array_get(list, n));

		is_str(there, words[n], "%s %zu", what, n);
	}
	is_int(json_array_size(list), n, "%s: no others", what);
}

static json_t *enum_at(const char *schema, const char *property)
{
	char ref[100];

	snprintf(ref, sizeof(ref), "#/components/schemas/%s/%s%s%senum", schema,
		 property ? "properties/" : "", property ? property : "", property ? "/" : "");
	return at_pointer(ref);
}

static void check_problems(void)
{
	const char *words[PROBLEM_COUNT] = {NULL};
	static char types[PROBLEM_COUNT][64];

	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
		snprintf(types[i], sizeof(types[i]), "/problems/%s", problem_kinds[i].type);
		words[i - 1] = types[i];
	}
	check_words(enum_at("Problem", "type"), words, "problem");
	check_words(enum_at("ProblemType", "type"), words, "problem type");
}

int main(void)
{
	json_error_t why;

	description = json_loadb(openapi_json, openapi_json_len, JSON_REJECT_DUPLICATES, &why);
	if (!ok(description != NULL, "the description is JSON without double members"))
		return tap_done();
	is_str(json_string_value(json_object_get(description, "openapi")), "3.1.0", "OpenAPI 3.1");
	is_str(json_string_value(at_pointer("#/info/version")), HALLMARK_VERSION, "the release's");
	routes_prepare();
	for (int i = 0; i < route_count; i++)
		check_row(&routes[i]);
	check_paths();
	check_references();
	check_problems();
	check_words(enum_at("LineageEdge", "kind"), lineage_kinds, "kind of lineage");
	check_words(enum_at("Relation", NULL), lineage_relations, "relation");
	json_decref(description);
	return tap_done();
}
