#include "cli/metadata.h"

#include "base/json_out.h"
#include "cli/exit.h"
#include "tests/unit/tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* want is the JSON of the container after one call; NULL: refused. */
static const struct {
	struct problem (*add)(struct arena *a, const char *text, json_t *into);
	bool object;
	const char *text, *want;
} rows[] = {
	{metadata_metric, false, "accuracy=0.92", "[{\"name\":\"accuracy\",\"value\":0.92}]"},
	{metadata_metric, false, "loss=-1e-300", "[{\"name\":\"loss\",\"value\":-1e-300}]"},
	{metadata_metric, false, "accuracy=0.92,dataset=val,step=3",
	 "[{\"name\":\"accuracy\",\"value\":0.92,\"dataset\":\"val\",\"step\":3}]"},
	{metadata_metric, false, "f1=1,slice=en,at=2026-01-13T22:03:16Z",
	 "[{\"name\":\"f1\",\"value\":1.0,\"slice\":\"en\",\"at\":\"2026-01-13T22:03:16Z\"}]"},
	{metadata_metric, false, "accuracy", NULL},
	{metadata_metric, false, "=1", NULL},
	{metadata_metric, false, "a=", NULL},
	{metadata_metric, false, "a=nan", NULL},
	{metadata_metric, false, "a=inf", NULL},
	{metadata_metric, false, "a=1e999", NULL},
	{metadata_metric, false, "a=0x10", NULL},
	{metadata_metric, false, "a=1 ", NULL},
	{metadata_metric, false, "a=1,step=x", NULL},
	{metadata_metric, false, "a=1,step=-1", NULL},
	{metadata_metric, false, "a=1,at=yesterday", NULL},
	{metadata_metric, false, "a=1,weight=2", NULL},
	{metadata_metric, false, "a=1,", NULL},
	{metadata_metric, false, "\xff=1", NULL},
	{metadata_param, true, "epochs=3", "{\"epochs\":3}"},
	{metadata_param, true, "lr=1e-4", "{\"lr\":0.0001}"},
	{metadata_param, true, "optimizer=adamw", "{\"optimizer\":\"adamw\"}"},
	{metadata_param, true, "flag=true", "{\"flag\":true}"},
	{metadata_param, true, "text=\"3\"", "{\"text\":\"3\"}"},
	{metadata_param, true, "layers=[1,2]", "{\"layers\":[1,2]}"},
	{metadata_param, true, "query=a=b", "{\"query\":\"a=b\"}"},
	{metadata_param, true, "empty=", "{\"empty\":\"\"}"},
	{metadata_param, true, "epochs", NULL},
	{metadata_param, true, "=3", NULL},
	{metadata_param, true, "x=\xff", NULL},
	{metadata_tag, true, "task=embedding", "{\"task\":\"embedding\"}"},
	{metadata_tag, true, "n=3", "{\"n\":\"3\"}"},
	{metadata_tag, true, "task", NULL},
	{metadata_dataset, false, "s3://data/stsb?sha256=" HEX,
	 "[{\"kind\":\"dataset\",\"uri\":\"s3://data/stsb\",\"digest\":\"sha256:" HEX "\"}]"},
	{metadata_dataset, false, "s3://data/stsb?part=1&sha256=" HEX,
	 "[{\"kind\":\"dataset\",\"uri\":\"s3://data/stsb?part=1\",\"digest\":\"sha256:" HEX
	 "\"}]"},
	{metadata_dataset, false, "s3://data/stsb?part=1",
	 "[{\"kind\":\"dataset\",\"uri\":\"s3://data/stsb?part=1\"}]"},
	{metadata_dataset, false, "s3://data/stsb?sha256=abc", NULL},
	{metadata_dataset, false, "s3://data/stsb?sha256=" HEX "0", NULL},
	{metadata_dataset, false, "s3://data/stsb?sha256=" HEX "&x=1", NULL},
	{metadata_image, false, "docker.example/train@sha256:" HEX,
	 "[{\"kind\":\"image\",\"uri\":\"docker.example/train\",\"digest\":\"sha256:" HEX "\"}]"},
	{metadata_image, false, "docker.example/train:1",
	 "[{\"kind\":\"image\",\"uri\":\"docker.example/train:1\"}]"},
	{metadata_image, false, "docker.example/train@sha256:12", NULL},
	{metadata_run, false, "https://runs.example/7",
	 "[{\"kind\":\"run\",\"uri\":\"https://runs.example/7\"}]"},
	{metadata_parent, false, "fine_tune:default/base@1.0.0",
	 "[{\"kind\":\"parent\",\"relation\":\"fine_tune\",\"version\":\"default/base@1.0.0\"}]"},
	{metadata_parent, false, "default/base@1.0.0", NULL},
	{metadata_parent, false, "fine_tune:default/base", NULL},
	{metadata_parent, false, ":default/base@1.0.0", NULL},
};

static const char *text_of(struct arena *a, const json_t *tree)
{
	struct json_out j = json_out_new(a);

	jw_tree(&j, tree);
	return jw_done(&j);
}

static void test_rows(struct arena *a)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *into = rows[i].object ? json_object() : json_array();
		struct problem p = rows[i].add(a, rows[i].text, into);
		json_t *want = rows[i].want ? json_loads(rows[i].want, 0, NULL) : NULL;

		if (rows[i].want)
			ok(p.code == PROBLEM_NONE && json_equal(into, want), "%s becomes %s",
			   rows[i].text, text_of(a, into));
		else
			ok(p.code == CLI_USAGE && p.detail, "\"%s\" is refused", rows[i].text);
		json_decref(into);
		json_decref(want);
	}
}

static void test_code(struct arena *a)
{
	json_t *edges = json_array();

	is_int(metadata_code(a, "abc", "https://git.example/r.git", edges).code, PROBLEM_NONE,
	       "a commit with its repository");
	is_str(text_of(a, edges),
	       "[{\"kind\":\"code\",\"commit\":\"abc\",\"uri\":\"https://git.example/r.git\"}]",
	       "is one edge");
	json_decref(edges);
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	test_rows(a);
	test_code(a);
	arena_free(a);
	return tap_done();
}
