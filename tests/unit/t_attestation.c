#include "registry/attestation.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/text.h"
#include "tests/unit/tap.h"

#define DIGEST "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define IDS                                                                                        \
	"\"model_id\":\"0192f0c1-2a3b-7c4d-8e5f-001122334455\",\"version\":\"1.0.0\","             \
	"\"version_id\":\"0192f0c1-2a3b-7c4d-8e5f-001122334466\",\"ordinal\":3"
#define NAMES "\"project\":\"default\",\"model\":\"Mod\xc3\xa8le x\"," IDS
#define FILE_A                                                                                     \
	"{\"path\":\"a.txt\",\"sha256\":\"" DIGEST "\",\"size\":3,\"media_type\":\"text/plain\"}"
#define FILE_DIR "{\"path\":\"a/b\",\"sha256\":\"" DIGEST "\",\"size\":0,\"media_type\":\"x/y\"}"
#define REST     ",\"params\":{},\"lineage\":[],\"files\":[" FILE_A "]}"

static const char whole[] =
	"{" NAMES ",\"params\":{\"epochs\":3,\"rate\":0.92,\"deep\":{\"x\":[1,null]}},"
	"\"lineage\":[{\"kind\":\"dataset\",\"uri\":\"s3://data/x\",\"digest\":"
	"\"sha256:" DIGEST "\"},{\"kind\":\"parent\",\"relation\":\"fine_tune\","
	"\"version\":\"default/base@1.0.0\",\"version_id\":"
	"\"0192f0c1-2a3b-7c4d-8e5f-001122334477\",\"manifest_sha256\":\"" DIGEST
	"\"}],\"files\":[" FILE_A "," FILE_DIR "]}";

/* Written by hand from the in-toto specification and the manifest above. */
static const char statement[] =
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":["
	"{\"name\":\"a.txt\",\"digest\":{\"sha256\":\"" DIGEST "\"}},"
	"{\"name\":\"a/b\",\"digest\":{\"sha256\":\"" DIGEST "\"}}],"
	"\"predicateType\":\"urn:hallmark:attestation:v1\",\"predicate\":{" NAMES
	",\"params\":{\"epochs\":3,\"rate\":0.92,\"deep\":{\"x\":[1,null]}},"
	"\"lineage\":[{\"kind\":\"dataset\",\"uri\":\"s3://data/x\",\"digest\":\"sha256:" DIGEST
	"\"},"
	"{\"kind\":\"parent\",\"relation\":\"fine_tune\",\"version\":\"default/base@1.0.0\","
	"\"version_id\":\"0192f0c1-2a3b-7c4d-8e5f-001122334477\",\"manifest_sha256\":\"" DIGEST
	"\"}],"
	"\"key_id\":\"EFF2B5416911DCC3\",\"created_at\":\"2026-01-13T22:03:16.000000Z\"}}";

static const struct {
	const char *manifest, *what;
} bad[] = {
	{"", "nothing"},
	{"[]", "an array"},
	{"{" NAMES REST "x", "something after it"},
	{"{\"extra\":1," NAMES REST, "a member that nobody knows"},
	{"{\"project\":\"default\"," NAMES REST, "a member given twice"},
	{"{\"project\":\"default\"," IDS REST, "no model"},
	{"{\"project\":\"De fault\",\"model\":\"m\"," IDS REST, "a project that is no name"},
	{"{\"project\":\"default\",\"model\":\"a/b\"," IDS REST, "a model that is no name"},
	{"{" NAMES ",\"params\":[],\"lineage\":[],\"files\":[" FILE_A "]}", "params as an array"},
	{"{" NAMES ",\"params\":{},\"lineage\":{},\"files\":[" FILE_A "]}", "lineage as an object"},
	{"{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[]}", "no files"},
	{"{" NAMES ",\"params\":{},\"lineage\":[1],\"files\":[" FILE_A "]}", "an edge as a number"},
	{"{" NAMES ",\"params\":{},\"lineage\":[{}],\"files\":[" FILE_A "]}",
	 "an edge without kind"},
	{"{" NAMES ",\"params\":{},\"lineage\":[{\"kind\":\"run\",\"x\":\"y\"}],\"files\":[" FILE_A
	 "]}",
	 "an edge with a member that nobody knows"},
	{"{" NAMES ",\"params\":{},\"lineage\":[{\"kind\":\"run\",\"uri\":1}],\"files\":[" FILE_A
	 "]}",
	 "an edge with a number"},
	{"{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[" FILE_DIR "," FILE_A "]}",
	 "files out of order"},
	{"{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[" FILE_A "," FILE_A "]}",
	 "a file twice"},
	{"{" NAMES
	 ",\"params\":{},\"lineage\":[],\"files\":[{\"path\":\"../x\",\"sha256\":\"" DIGEST
	 "\",\"size\":3,\"media_type\":\"x/y\"}]}",
	 "a path that climbs"},
	{"{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[{\"path\":\"x\",\"sha256\":\"BA78\","
	 "\"size\":3,\"media_type\":\"x/y\"}]}",
	 "a digest that is none"},
	{"{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[{\"path\":\"x\",\"sha256\":\"" DIGEST
	 "\",\"size\":-1,\"media_type\":\"x/y\"}]}",
	 "a negative size"},
};

static struct problem make(struct arena *a, const char *manifest, const char **text, size_t *len)
{
	return attestation_statement(a, manifest, strlen(manifest), "EFF2B5416911DCC3",
				     1768341796000000, text, len);
}

/* A version of the most files that are allowed, and of one more. */
static void many_files(struct arena *a, size_t n, enum problem_code want)
{
	char *manifest = malloc(n * 160 + 1024), *p = manifest;
	const char *text = NULL;
	size_t len = 0;

	p += sprintf(p, "{" NAMES ",\"params\":{},\"lineage\":[],\"files\":[");
	for (size_t i = 0; i < n; i++)
		p += sprintf(p,
			     "%s{\"path\":\"shard-%06zu\",\"sha256\":\"" DIGEST
			     "\",\"size\":1,\"media_type\":\"x/y\"}",
			     i ? "," : "", i);
	memcpy(p, "]}", 3);
	is_int(make(a, manifest, &text, &len).code, want, "%zu files", n);
	if (want == PROBLEM_NONE) {
		json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

		is_int(json_array_size(json_object_get(root, "subject")), n, "are all subjects");
		json_decref(root);
		ok(arena_taken(a) / n < 1600, "with %zu bytes a file", arena_taken(a) / n);
	}
	arena_reset(a);
	free(manifest);
}

static void comments(struct arena *a)
{
	struct attestation_file f = {.project = "default",
				     .model = "Mod\xc3\xa8le x",
				     .version = "1.0.0",
				     .path = "a/b"};
	const char *comment = NULL;

	hex_read(f.sha256, 32, DIGEST, 64);
	is_int(attestation_comment(a, &f, &comment).code, PROBLEM_NONE, "a file has a comment");
	is_str(comment,
	       "project:default\tmodel:Mod\xc3\xa8le x\tversion:1.0.0\tpath:a/b\tsha256:" DIGEST,
	       "that says what it is");
	f.path = "a\tpath:b";
	is_int(attestation_comment(a, &f, &comment).code, PROBLEM_INVALID,
	       "a path cannot pretend to be two fields");
	f.path = "a/b", f.version = "v1.0.0";
	is_int(attestation_comment(a, &f, &comment).code, PROBLEM_INVALID,
	       "a version has one way to be written");
	f.version = "1.0.0", f.model = "x\ny";
	is_int(attestation_comment(a, &f, &comment).code, PROBLEM_INVALID,
	       "a model cannot begin a new line");
}

int main(void)
{
	const char *text = NULL;
	size_t len = 0;

	if (sodium_init() < 0)
		return 1;
	struct arena *a = arena_new(512 << 20);

	is_int(make(a, whole, &text, &len).code, PROBLEM_NONE, "a manifest becomes a statement");
	is_str(text, statement, "as it was written by hand");
	is_int(len, strlen(statement), "and its length is right");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		is_int(make(a, bad[i].manifest, &text, &len).code, PROBLEM_INVALID, "%s is refused",
		       bad[i].what);
	comments(a);
	many_files(a, ATTESTATION_FILES_MAX, PROBLEM_NONE);
	many_files(a, ATTESTATION_FILES_MAX + 1, PROBLEM_INVALID);
	arena_free(a);
	return tap_done();
}
