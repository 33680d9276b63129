#include "cli/metadata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "cli/exit.h"

enum { HEX_SHA256 = 64 };

/* Cuts "name=rest" at the first '='; false when there is none or no name. */
static bool cut(struct arena *a, const char *text, const char **name, const char **rest)
{
	const char *equal = strchr(text, '=');

	if (!equal || equal == text)
		return false;
	*name = arena_dup(a, text, (size_t)(equal - text));
	*rest = equal + 1;
	return true;
}

/* ---- metrics ---------------------------------------------------------------------- */

static struct problem bad_metric(struct arena *a, const char *text, const char *why)
{
	return problem(a, CLI_USAGE,
		       "--metric \"%s\" %s: write it like accuracy=0.92 or "
		       "accuracy=0.92,dataset=val,step=3,slice=en,at=2026-01-13T22:03:16Z",
		       text, why);
}

static bool number(const char *s, double *v)
{
	char *end = NULL;

	*v = strtod(s, &end);
	return *s && !*end && isfinite(*v) && !strpbrk(s, "xX \t\n");
}

static struct problem metric_part(struct arena *a, const char *whole, const char *part,
				  json_t *metric)
{
	const char *name = NULL, *value = NULL;
	int64_t at = 0;
	char *end = NULL;

	if (!cut(a, part, &name, &value))
		return bad_metric(a, whole, "has a part without a name and a value");
	if (strcmp(name, "step") == 0) {
		long long step = strtoll(value, &end, 10);

		if (*value < '0' || *value > '9' || *end)
			return bad_metric(a, whole, "has a step that is no whole number");
		json_object_set_new(metric, "step", json_integer(step));
		return NO_PROBLEM;
	}
	if (strcmp(name, "at") == 0 && !timestamp_read(value, &at))
		return bad_metric(a, whole, "has a time that RFC 3339 does not know");
	if (strcmp(name, "at") != 0 && strcmp(name, "dataset") != 0 && strcmp(name, "slice") != 0)
		return bad_metric(a, whole, "has a part that is none of dataset, slice, step, at");
	json_object_set_new(metric, name, json_string(value));
	return NO_PROBLEM;
}

struct problem metadata_metric(struct arena *a, const char *text, json_t *metrics)
{
	size_t len = strcspn(text, ",");
	const char *first = arena_dup(a, text, len), *name = NULL, *value = NULL;
	double v = 0;

	if (!cut(a, first, &name, &value))
		return bad_metric(a, text, "has no name or no value");
	if (!number(value, &v))
		return bad_metric(a, text, "has a value that is no finite number");

	json_t *metric = json_pack("{s:s, s:f}", "name", name, "value", v);

	json_array_append_new(metrics, metric);
	while (text[len]) {
		const char *part = text + len + 1;
		size_t part_len = strcspn(part, ",");

		TRY(metric_part(a, text, arena_dup(a, part, part_len), metric));
		len += 1 + part_len;
	}
	return metric ? NO_PROBLEM : bad_metric(a, text, "is not UTF-8");
}

/* ---- params and tags -------------------------------------------------------------- */

struct problem metadata_param(struct arena *a, const char *text, json_t *params)
{
	const char *name = NULL, *value = NULL;

	if (!cut(a, text, &name, &value))
		return problem(a, CLI_USAGE,
			       "--param \"%s\" has no name or no value: write it like epochs=3 or "
			       "optimizer=adamw",
			       text);

	json_t *v = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (json_object_set_new(params, name, v ? v : json_string(value)) != 0)
		return problem(a, CLI_USAGE, "--param \"%s\" is not UTF-8", text);
	return NO_PROBLEM;
}

struct problem metadata_tag(struct arena *a, const char *text, json_t *tags)
{
	const char *name = NULL, *value = NULL;

	if (!cut(a, text, &name, &value))
		return problem(a, CLI_USAGE,
			       "--tag \"%s\" has no name or no value: write it like task=embedding",
			       text);
	if (json_object_set_new(tags, name, json_string(value)) != 0)
		return problem(a, CLI_USAGE, "--tag \"%s\" is not UTF-8", text);
	return NO_PROBLEM;
}

/* ---- lineage ---------------------------------------------------------------------- */

static bool is_hex(const char *s, size_t len)
{
	return strspn(s, "0123456789abcdef") >= len && strlen(s) == len;
}

/* Takes a tree made by json_pack(), which is NULL when a text was not UTF-8. */
static struct problem edge(struct arena *a, const char *option, const char *text, json_t *tree,
			   json_t *lineage)
{
	if (!tree)
		return problem(a, CLI_USAGE, "--%s \"%s\" is not UTF-8", option, text);
	json_array_append_new(lineage, tree);
	return NO_PROBLEM;
}

struct problem metadata_dataset(struct arena *a, const char *text, json_t *lineage)
{
	static const char mark[] = "sha256=";
	const char *query = strchr(text, '?');
	const char *at = query ? strstr(query, mark) : NULL;

	if (!at || (at[-1] != '?' && at[-1] != '&'))
		return edge(a, "dataset", text,
			    json_pack("{s:s, s:s}", "kind", "dataset", "uri", text), lineage);

	const char *hex = at + strlen(mark);
	const char *uri = arena_dup(a, text, (size_t)(at - 1 - text));

	if (!is_hex(hex, HEX_SHA256))
		return problem(a, CLI_USAGE,
			       "--dataset \"%s\": after sha256= come 64 lower-case hexadecimal "
			       "digits and nothing more",
			       text);
	return edge(a, "dataset", text,
		    json_pack("{s:s, s:s, s:s}", "kind", "dataset", "uri", uri, "digest",
			      arena_printf(a, "sha256:%s", hex)),
		    lineage);
}

struct problem metadata_image(struct arena *a, const char *text, json_t *lineage)
{
	static const char mark[] = "@sha256:";
	const char *at = strstr(text, mark);

	if (!at)
		return edge(a, "image", text, json_pack("{s:s, s:s}", "kind", "image", "uri", text),
			    lineage);
	if (at == text || !is_hex(at + strlen(mark), HEX_SHA256))
		return problem(a, CLI_USAGE,
			       "--image \"%s\": a digest is @sha256: and 64 lower-case hexadecimal "
			       "digits, after the name",
			       text);
	return edge(a, "image", text,
		    json_pack("{s:s, s:s, s:s}", "kind", "image", "uri",
			      arena_dup(a, text, (size_t)(at - text)), "digest", at + 1),
		    lineage);
}

struct problem metadata_run(struct arena *a, const char *text, json_t *lineage)
{
	return edge(a, "run", text, json_pack("{s:s, s:s}", "kind", "run", "uri", text), lineage);
}

struct problem metadata_parent(struct arena *a, const char *text, json_t *lineage)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || !strchr(colon, '@'))
		return problem(a, CLI_USAGE,
			       "--parent \"%s\" does not say how and from what: write it like "
			       "fine_tune:default/base@1.0.0 (fine_tune, quantise, merge, adapter, "
			       "distil)",
			       text);
	return edge(a, "parent", text,
		    json_pack("{s:s, s:s, s:s}", "kind", "parent", "relation",
			      arena_dup(a, text, (size_t)(colon - text)), "version", colon + 1),
		    lineage);
}

struct problem metadata_code(struct arena *a, const char *commit, const char *repo, json_t *lineage)
{
	json_t *tree = json_pack("{s:s, s:s}", "kind", "code", "commit", commit);

	if (tree && repo && json_object_set_new(tree, "uri", json_string(repo)) != 0) {
		json_decref(tree);
		tree = NULL;
	}
	return edge(a, "commit", commit, tree, lineage);
}
