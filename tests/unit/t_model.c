#include "tap.h"

#include <stdlib.h>

#include "refusals.h"
#include "registry/model.h"
#include "registry/project.h"

static struct arena *arena;

static struct problem read_draft(const char *body)
{
	struct model_draft d;

	return model_draft_read(arena, body, strlen(body), &d);
}

static struct problem read_patch(const char *body)
{
	struct model_patch d;

	return model_patch_read(arena, body, strlen(body), &d);
}

static void a_draft_is_the_whole_content(void)
{
	static const char body[] = "{\"description\":\"d\\u00e9\",\"card\":\"# x\\n\",\"tags\":"
				   "{\"task\":\"embedding\",\"a\":\"\"}}";
	struct model_draft d;

	ok(model_draft_read(arena, body, strlen(body), &d).code == PROBLEM_NONE, "a body is read");
	is_str(d.description, "d\xc3\xa9", "its description");
	is_str(d.card, "# x\n", "its card");
	is_str(d.tags, "{\"task\":\"embedding\",\"a\":\"\"}", "its tags as text");
	ok(model_draft_read(arena, "{}", 2, &d).code == PROBLEM_NONE && !d.description && !d.card &&
		   !d.tags,
	   "an empty object leaves all out");
}

static void a_patch_tells_null_from_absent(void)
{
	static const char body[] = "{\"description\":null,\"tags\":{\"a\":null,\"b\":\"c\"}}";
	struct model_patch d;

	ok(model_patch_read(arena, body, strlen(body), &d).code == PROBLEM_NONE, "a patch is read");
	is_str(d.description, "", "null empties the description");
	ok(!d.card && !d.name, "what is absent stays");
	is_str(d.tags, "{\"a\":null,\"b\":\"c\"}", "null removes a tag");
}

static void drafts_are_strict(void)
{
	static const struct refusal drafts[] = {
		{"[]", "", "has to be an object"},
		{"{\"name\":\"x\"}", "/name", "not known here"},
		{"{\"descripton\":\"x\"}", "/descripton", "did you mean \"description\"?"},
		{"{\"tags\":{\"a\":1}}", "/tags/a", "has to be text"},
		{"{\"tags\":{\"a\":null}}", "/tags/a", "has to be text"},
		{"{\"tags\":{\"a=b\":\"c\"}}", "/tags/a=b", "cannot hold \"=\""},
		{"{\"tags\":{\"x/y\":1}}", "/tags/x~1y", "has to be text"},
		{"{\"tags\":{\"\":\"x\"}}", "/tags/", "cannot be empty"},
		{"{\"tags\":[]}", "/tags", "has to be an object"},
		{"{\"description\":null}", "/description", "cannot be null"},
		{"{\"description\":\"a\\u001b[31m\"}", "/description", "U+001B"},
		{"{\"card\":7}", "/card", "has to be text"},
	};
	static const struct refusal patches[] = {
		{"{\"name\":null}", "/name", "cannot be null"},
		{"{\"name\":\"a/b\"}", "/name", "cannot hold \"/\""},
		{"{\"tags\":null}", "/tags", "cannot be null"},
		{"{\"tags\":{\"a\":1}}", "/tags/a", "or null to remove the tag"},
		{"{\"project\":\"x\"}", "/project", "not known here"},
		{"{\"created_by\":\"x\"}", "/created_by", "not known here"},
	};

	refuses(drafts, read_draft);
	refuses(patches, read_patch);
}

static void tags_are_limited(void)
{
	const char *body = "{\"tags\":{\"0\":\"\"";

	for (int i = 1; i < 100; i++)
		body = arena_printf(arena, "%s,\"%d\":\"\"", body, i);
	ok(read_draft(arena_printf(arena, "%s}}", body)).code == PROBLEM_NONE,
	   "a hundred are read");
	const struct problem p = read_draft(arena_printf(arena, "%s,\"x\":\"\"}}", body));
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "0 to 100 members"),
	   "one more is refused");
}

static void documents_are_written(void)
{
	struct model m = {.project = "default",
			  .name = "minilm",
			  .description = "",
			  .tags = "{}",
			  .created_at = 0,
			  .created_by = "admin",
			  .updated_at = 1000000};
	struct json_out j = json_out_new(arena);

	m.id[0] = 0xab;
	model_write(&j, &m);
	is_str(jw_done(&j),
	       "{\"id\":\"ab000000-0000-0000-0000-000000000000\",\"project\":\"default\","
	       "\"name\":\"minilm\",\"description\":\"\",\"tags\":{},\"latest\":null,"
	       "\"created_at\":\"1970-01-01T00:00:00.000000Z\",\"created_by\":\"admin\","
	       "\"updated_at\":\"1970-01-01T00:00:01.000000Z\"}",
	       "a model without a card, as lists have it");
}

static void projects_are_read(void)
{
	struct project_draft d;

	ok(project_draft_read(arena, "{}", 2, &d).code == PROBLEM_NONE, "an empty object is read");
	is_str(d.description, "", "as an empty description");
}

int main(void)
{
	arena = arena_new(8u << 20);
	a_draft_is_the_whole_content();
	a_patch_tells_null_from_absent();
	drafts_are_strict();
	tags_are_limited();
	documents_are_written();
	projects_are_read();
	arena_free(arena);
	return tap_done();
}
