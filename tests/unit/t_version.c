#include "tap.h"

#include "refusals.h"
#include "registry/event.h"
#include "registry/version.h"

static struct arena *arena;

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define COMMIT "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static struct problem read_draft(const char *body)
{
	struct version_draft d;

	return version_draft_read(arena, body, strlen(body), &d);
}

static struct problem read_reason(const char *body)
{
	struct reason_draft d;

	return reason_draft_read(arena, body, strlen(body), &d);
}

/* The body of the API's description. */
static const char full[] =
	"{\"version\":\"v1.0.0-rc.1+b7\",\"params\":{\"epochs\":100,\"optimizer\":\"adamw\",\"lr\":"
	"1.0},"
	"\"tags\":{\"framework\":\"onnx\"},\"description\":\"first\","
	"\"metrics\":[{\"name\":\"accuracy\",\"value\":0.92,\"dataset\":\"val\",\"step\":3,"
	"\"slice\":\"en\","
	"\"at\":\"2026-01-13T22:03:16Z\"},{\"name\":\"loss\",\"value\":1e300,\"step\":null}],"
	"\"lineage\":[{\"kind\":\"dataset\",\"uri\":\"s3://data/stsb\",\"digest\":\"" DIGEST "\"},"
	"{\"kind\":\"code\",\"uri\":\"https://git.example/r.git\",\"commit\":\"" COMMIT "\"},"
	"{\"kind\":\"run\",\"uri\":\"https://ci.example/17\"},"
	"{\"kind\":\"image\",\"uri\":\"registry.example/train:1\",\"digest\":\"" DIGEST "\"},"
	"{\"kind\":\"parent\",\"relation\":\"fine_tune\",\"version\":\"default/"
	"minilm-base@1.0.0\"},"
	"{\"kind\":\"parent\",\"relation\":\"merge\",\"version\":\"other/m@@champion\"}]}";

static void a_whole_draft_is_read(void)
{
	struct version_draft d;
	const struct problem p = version_draft_read(arena, full, strlen(full), &d);

	if (!ok(p.code == PROBLEM_NONE, "the whole body is read"))
		printf("# it said: %s\n", p.detail);
	is_str(d.version, "1.0.0-rc.1+b7", "its version, without v");
	ok(d.prerelease && d.precedence.len > 0 && !d.bump, "its precedence");
	is_str(d.params, "{\"epochs\":100,\"optimizer\":\"adamw\",\"lr\":1.0}",
	       "its params as they came");
	is_str(d.tags, "{\"framework\":\"onnx\"}", "its tags");
	is_str(d.metrics,
	       "[{\"name\":\"accuracy\",\"value\":0.92,\"dataset\":\"val\",\"slice\":\"en\","
	       "\"step\":3,"
	       "\"at\":\"2026-01-13T22:03:16.000000Z\"},{\"name\":\"loss\",\"value\":1e+300}]",
	       "its metrics as statements take them");
	is_str(d.lineage,
	       "[{\"kind\":\"dataset\",\"uri\":\"s3://data/stsb\",\"digest\":\"" DIGEST "\"},"
	       "{\"kind\":\"code\",\"uri\":\"https://git.example/r.git\",\"commit\":\"" COMMIT
	       "\"},"
	       "{\"kind\":\"run\",\"uri\":\"https://ci.example/17\"},"
	       "{\"kind\":\"image\",\"uri\":\"registry.example/train:1\",\"digest\":\"" DIGEST
	       "\"},"
	       "{\"kind\":\"parent\",\"relation\":\"fine_tune\",\"parent\":{\"project\":"
	       "\"default\","
	       "\"model\":\"minilm-base\",\"kind\":\"exact\",\"keys\":[\"013101300130ff\"],"
	       "\"word\":null}},"
	       "{\"kind\":\"parent\",\"relation\":\"merge\",\"parent\":{\"project\":\"other\","
	       "\"model\":\"m\",\"kind\":\"alias\",\"keys\":[],\"word\":\"champion\"}}]",
	       "its lineage, parents as references");
	is_int(d.nparents, 2, "two parents are named");
	is_str(d.parents[1].project, "other", "the second one's project");
	is_str(d.parents[1].pointer, "/lineage/5/version", "and where it stands");
}

static void little_is_enough(void)
{
	struct version_draft d;

	ok(version_draft_read(arena, "{\"bump\":\"minor\"}", 16, &d).code == PROBLEM_NONE,
	   "a bump");
	is_str(d.bump, "minor", "is its word");
	ok(!d.version && !d.precedence.data && !d.metrics && !d.lineage && d.nparents == 0,
	   "without the rest");
	is_str(d.params, "{}", "params are empty");
	is_str(d.tags, "{}", "tags are empty");
	struct args args = args_new(arena);
	version_draft_args(&args, &d);
	is_int(args.n, 9, "nine parameters are made of it");
	ok(!args.value[0] && !args.value[1] && !args.value[2] &&
		   strcmp(args.value[3], "minor") == 0,
	   "version, precedence and prerelease are NULL");
}

static const struct refusal bad_drafts[] = {
	{"{}", "", "say which version this is"},
	{"{\"version\":\"1.0.0\",\"bump\":\"minor\"}", "", "exclude each other"},
	{"{\"version\":\"1.2\"}", "/version", "write 1.2.0"},
	{"{\"version\":1.0}", "/version", "has to be text"},
	{"{\"bump\":\"build\"}", "/bump", "write one of: major, minor, patch"},
	{"{\"version\":\"1.0.0\",\"state\":\"published\"}", "/state", "not known here"},
	{"{\"version\":\"1.0.0\",\"params\":[]}", "/params", "has to be an object"},
	{"{\"version\":\"1.0.0\",\"params\":{\"\":1}}", "/params/", "cannot be empty"},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a\"}]}", "/metrics/0",
	 "\"value\" is missing"},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a\",\"value\":\"1\"}]}",
	 "/metrics/0/value", "has to be a number"},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a>b\",\"value\":1}]}", "/metrics/0/name",
	 "cannot hold \">\""},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a\",\"value\":1,\"step\":1.5}]}",
	 "/metrics/0/step", "has to be an integer"},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a\",\"value\":1,\"at\":\"now\"}]"
	 "}",
	 "/metrics/0/at", "RFC 3339"},
	{"{\"version\":\"1.0.0\",\"metrics\":[{\"name\":\"a\",\"value\":1,\"has_step\":"
	 "true}]}",
	 "/metrics/0/has_step", "not known here"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{}]}", "/lineage/0", "\"kind\" is missing"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"data\"}]}", "/lineage/0/kind",
	 "dataset, code, run, image, parent"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"dataset\"}]}", "/lineage/0",
	 "kind dataset needs \"uri\""},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"dataset\",\"uri\":\"stsb\"}]}",
	 "/lineage/0/uri", "no scheme"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"dataset\",\"uri\":\"s3://a\","
	 "\"digest\":\"sha256:12\"}]}",
	 "/lineage/0/digest", "64 lower-case hex digits"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"code\",\"uri\":\"https://g/"
	 "r\"}]}",
	 "/lineage/0", "kind code needs \"commit\""},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"run\",\"uri\":\"https://g/r\","
	 "\"commit\":\"" COMMIT "\"}]}",
	 "/lineage/0/commit", "kind run has no \"commit\""},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\"}]}", "/lineage/0",
	 "kind parent needs \"version\""},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"copy\","
	 "\"version\":\"a/b@1.0.0\"}]}",
	 "/lineage/0/relation", "fine_tune, quantise, merge, adapter, distil"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"merge\","
	 "\"version\":\"b@1.0.0\"}]}",
	 "/lineage/0/version", "write PROJECT/MODEL@VERSION"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"merge\","
	 "\"version\":\"A/b@1.0.0\"}]}",
	 "/lineage/0/version", "lower case"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"merge\","
	 "\"version\":\"a/b@1.0\"}]}",
	 "/lineage/0/version", "write 1.0.x"},
	{"{\"version\":\"1.0.0\",\"lineage\":[{\"kind\":\"parent\",\"relation\":\"merge\","
	 "\"version\":\"a/b@\"}]}",
	 "/lineage/0/version", "cannot be empty"},
};
static const struct refusal bad_reasons[] = {
	{"{}", "", "\"reason\" is missing"},
	{"{\"reason\":\"\"}", "/reason", "cannot be empty"},
	{"{\"reason\":null}", "/reason", "cannot be null"},
};

static void drafts_are_strict(void)
{
	refuses(bad_drafts, read_draft);
	refuses(bad_reasons, read_reason);
}

static void documents_are_written(void)
{
	struct version v = {
		.project = "default",
		.model = "minilm",
		.version = "1.0.0",
		.ordinal = 1,
		.state = "draft",
		.params = "{\"lr\":1e-3}",
		.tags = "{}",
		.description = "",
		.created_at = 0,
		.published_at = INT64_MIN,
		.created_by = "admin",
	};
	struct json_out j = json_out_new(arena);

	version_write(&j, &v);
	is_str(jw_done(&j),
	       "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"project\":\"default\","
	       "\"model\":\"minilm\",\"model_id\":\"00000000-0000-0000-0000-000000000000\","
	       "\"version\":\"1.0.0\",\"ordinal\":1,\"state\":\"draft\",\"reason\":null,"
	       "\"description\":\"\",\"params\":{\"lr\":1e-3},\"tags\":{},\"files\":0,\"bytes\":0,"
	       "\"created_at\":\"1970-01-01T00:00:00.000000Z\",\"created_by\":\"admin\","
	       "\"published_at\":null,\"published_by\":null,\"key_id\":null}",
	       "a draft's document");
}

static void events_keep_their_bodys_bytes(void)
{
	const struct event e = {7, "r1", "{\"kind\":\"model.created\",\"after\":{\"lr\":1e-3}}"};
	struct json_out j = json_out_new(arena);

	event_write(&j, &e);
	is_str(jw_done(&j),
	       "{\"position\":7,\"request_id\":\"r1\",\"kind\":\"model.created\",\"after\":{\"lr\":"
	       "1e-3}}",
	       "an event's document");
}

int main(void)
{
	arena = arena_new(8u << 20);
	a_whole_draft_is_read();
	little_is_enough();
	drafts_are_strict();
	documents_are_written();
	events_keep_their_bodys_bytes();
	arena_free(arena);
	return tap_done();
}
