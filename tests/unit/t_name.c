#include "tap.h"

#include "registry/name.h"
#include "registry/notation.h"

static struct arena *arena;

struct row {
	name_rule *rule;
	const char *text;
	const char *says; /* NULL: the name is good */
};

/* Bytes that C strings would cut are in cuts_and_lengths(). */
static const struct row rows[] = {
	{name_project, "default", NULL},
	{name_project, "0-a-", NULL},
	{name_project, "", "1 to 63"},
	{name_project, "-a", "the first no hyphen"},
	{name_project, "Team", "lower case"},
	{name_project, "a_b", "cannot hold \"_\""},
	{name_project, "a/b", "cannot hold \"/\""},
	{name_project, "a\xc3\xa9", "cannot hold \"\\xc3\""},
	{name_project, "123456789012345678901234567890123456789012345678901234567890123", NULL},
	{name_project, "1234567890123456789012345678901234567890123456789012345678901234",
	 "1 to 63"},

	{name_model, "minilm", NULL},
	{name_model, "A model of ours (v2), 100%", NULL},
	{name_model, "-rf", NULL},
	{name_model, "con", NULL},
	{name_model, "mod\xc3\xa8le", NULL},
	{name_model, "\xe6\xa8\xa1\xe5\x9e\x8b", NULL},
	{name_model, "\xf0\x9f\xa6\x99", NULL},
	{name_model, "<img onerror=alert(1)>", NULL},
	{name_model, "", "cannot be empty"},
	{name_model, "mode\xcc\x80le", "normal form C"},
	{name_model, "a/b", "cannot hold \"/\""},
	{name_model, "a:b", "cannot hold \":\""},
	{name_model, "a@1", "cannot hold \"@\""},
	{name_model, "a\\b", "cannot hold \"\\\""},
	{name_model, " a", "begin or end with a space"},
	{name_model, "a ", "begin or end with a space"},
	{name_model, "a\xc2\xa0", "begin or end with a space"},
	{name_model,
	 "\xe3\x80\x80"
	 "a",
	 "begin or end with a space"},
	{name_model, "a\nb", "U+000A"},
	{name_model, "a\x7f", "U+007F"},
	{name_model, "a\xc2\x85", "U+0085"},
	{name_model,
	 "a\xe2\x80\xae\xe2\x80\xac"
	 "b",
	 "U+202E"},
	{name_model,
	 "a\xe2\x81\xa6\xe2\x81\xa9"
	 "b",
	 "U+2066"},
	{name_model,
	 "a\xe2\x80\x8f"
	 "b",
	 "U+200F"},
	{name_model,
	 "\xef\xbb\xbf"
	 "a",
	 "U+FEFF"},
	{name_model, "a\xff", "valid UTF-8"},
	{name_model, "a\xc0\xaf", "valid UTF-8"},
	{name_model, "a\xed\xa0\x80", "valid UTF-8"},
	{name_model, ".", "URLs drop"},
	{name_model, "..", "URLs drop"},
	{name_model, "...", NULL},

	{name_alias, "champion", NULL},
	{name_alias, "Prod_2026-01.b", NULL},
	{name_alias, "vnext", NULL},
	{name_alias, "v", NULL},
	{name_alias, "1.4", NULL},
	{name_alias, "1.4.x", NULL},
	{name_alias, "", "1 to 128"},
	{name_alias, "a b", "cannot hold \" \""},
	{name_alias, "a@b", "cannot hold \"@\""},
	{name_alias, "\xc3\xa9", "cannot hold"},
	{name_alias, "latest", "names a version by itself"},
	{name_alias, "Latest", "names a version by itself"},
	{name_alias, "newest", "names a version by itself"},
	{name_alias, "v7", "names a version by itself"},
	{name_alias, "V07", "names a version by itself"},
	{name_alias, "1.4.2", "names a version by itself"},
	{name_alias, "v1.4.2-rc.1", "names a version by itself"},
	{name_alias, "..", "URLs drop"},

	{name_path, "model.onnx", NULL},
	{name_path, "onnx/model.onnx", NULL},
	{name_path, "a b/\xc3\xa9/c.d", NULL},
	{name_path, "..a/b..", NULL},
	{name_path, "...", NULL},
	{name_path, "ab:b/c:d", NULL},
	{name_path, "sub/.hallmark/x", NULL},
	{name_path, ".gitattributes", NULL},
	{name_path, "", "cannot be empty"},
	{name_path, "/etc/passwd", "empty segment"},
	{name_path, "a//b", "empty segment"},
	{name_path, "a/", "empty segment"},
	{name_path, "../a", "\"..\" segment"},
	{name_path, "a/../b", "\"..\" segment"},
	{name_path, "a/.", "\".\" segment"},
	{name_path, "a\\b", "cannot hold \"\\\""},
	{name_path, "C:/x", "drive letter"},
	{name_path, "c:x", "drive letter"},
	{name_path, "a\nb", "U+000A"},
	{name_path,
	 "a/\xe2\x80\xae\xe2\x80\xac"
	 "b",
	 "U+202E"},
	{name_path, "e\xcc\x81", "normal form C"},
	{name_path, "a\xff", "valid UTF-8"},
	{name_path, ".hallmark", "where a pull keeps signatures"},
	{name_path, ".Hallmark/a", "where a pull keeps signatures"},

	{name_tag, "task", NULL},
	{name_tag, "mlflow.source/name: x", NULL},
	{name_tag, "__proto__", NULL},
	{name_tag, "", "cannot be empty"},
	{name_tag, "a=b", "cannot hold \"=\""},
	{name_tag_value, "", NULL},
	{name_tag_value, " two lines\r\n\tof text \n", NULL},
	{name_tag_value, "a\x1b[31m", "U+001B"},
	{name_tag_value, "line\n\xe2\x80\xae\xe2\x80\xac", "U+202E"},

	{name_metric, "accuracy", NULL},
	{name_metric, "val/f1 score", NULL},
	{name_metric, "a>b", "cannot hold \">\""},
	{name_metric, "a,b", "cannot hold \",\""},
	{name_metric, "", "cannot be empty"},
	{name_dataset, "", NULL},
	{name_dataset, "val", NULL},
	{name_dataset, "a[0]", "cannot hold \"[\""},
	{name_slice, "age>65, lang=en", NULL},
	{name_slice, "a]", "cannot hold \"]\""},

	{notation_media_type, "application/octet-stream", NULL},
	{notation_media_type, "text/markdown; charset=utf-8", NULL},
	{notation_media_type, "application/vnd.oci.image.manifest.v1+json", NULL},
	{notation_media_type, "a/b;c=\"d;e\\\"f\"; g=h", NULL},
	{notation_media_type, "text", "type/subtype"},
	{notation_media_type, "text/", "type/subtype"},
	{notation_media_type, "/plain", "type/subtype"},
	{notation_media_type, "text/plain;", "type/subtype"},
	{notation_media_type, "text/plain; a", "type/subtype"},
	{notation_media_type, "text/plain; a=\"b", "type/subtype"},
	{notation_media_type, "text/plain; a=\"b\\", "type/subtype"},
	{notation_media_type, "text/plain\r\nX: y", "type/subtype"},
	{notation_media_type, "text/plain x", "type/subtype"},

	{notation_digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	 NULL},
	{notation_digest, "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
	 "64 lower-case hex digits"},
	{notation_digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	 "write sha256:"},
	{notation_digest, "sha256:e3b0", "64 lower-case hex digits"},
	{notation_digest, "", "write sha256:"},

	{notation_commit, "da39a3ee5e6b4b0d3255bfef95601890afd80709", NULL},
	{notation_commit, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL},
	{notation_commit, "da39a3e", "full commit id"},
	{notation_commit, "HEAD", "full commit id"},

	{notation_uri, "s3://data/stsb", NULL},
	{notation_uri, "https://git.example/r.git", NULL},
	{notation_uri, "ssh://git@host/path", NULL},
	{notation_uri, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", NULL},
	{notation_uri, "https://host/a:b@c", NULL},
	{notation_uri, "https://[::1]:8080/x", NULL},
	{notation_uri, "", "1 to 2048 bytes"},
	{notation_uri, "data/stsb", "no scheme"},
	{notation_uri, "://x", "no scheme"},
	{notation_uri, "9p://x", "no scheme"},
	{notation_uri, "s3:", "no scheme"},
	{notation_uri, "git@github.com:org/r.git", "no scheme"},
	{notation_uri, "s3://a b", "percent-encode"},
	{notation_uri, "s3://\xc3\xa9", "percent-encode"},
	{notation_uri, "s3://a\nb", "percent-encode"},
	{notation_uri, "https://user:secret@host/x", "holds a password"},
	{notation_uri, "https://user:secret@host", "holds a password"},

	{name_note, "bad calibration\nsee #12", NULL},
	{name_note, "", "cannot be empty"},
	{name_note, "a\x07", "U+0007"},
};

static void names_follow_their_rules(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const size_t len = strlen(r->text);
		const struct problem p = r->rule(arena, "/name", r->text, len);
		const bool good = r->says ? p.code == PROBLEM_INVALID && strstr(p.detail, r->says)
					  : p.code == PROBLEM_NONE;

		if (!ok(good, "row %zu: %s", i, r->says ? r->says : "is good"))
			printf("# it said: %s\n", p.detail ? p.detail : "nothing");
	}
}

static void lengths_are_limited(void)
{
	static const struct {
		name_rule *rule;
		size_t max;
		const char *what;
	} table[] = {
		{name_model, 255, "model"},   {name_alias, 128, "alias"},
		{name_tag, 255, "tag"},       {name_tag_value, 8192, "tag value"},
		{name_metric, 255, "metric"}, {name_slice, 255, "slice"},
		{name_note, 4096, "note"},
	};
	char text[8200];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ok(table[i].rule(arena, NULL, text, table[i].max).code == PROBLEM_NONE,
		   "%s: %zu bytes are good", table[i].what, table[i].max);
		ok(table[i].rule(arena, NULL, text, table[i].max + 1).code == PROBLEM_INVALID,
		   "%s: one more is refused", table[i].what);
	}
}

static void paths_are_limited(void)
{
	char path[PATH_MAX_BYTES + 2];

	memset(path, 'a', sizeof(path));
	for (size_t i = 200; i < sizeof(path) - 1; i += 200)
		path[i] = '/';
	ok(name_path(arena, NULL, path, PATH_MAX_BYTES).code == PROBLEM_NONE,
	   "a path of 1,024 bytes is good");
	ok(name_path(arena, NULL, path, PATH_MAX_BYTES + 1).code == PROBLEM_INVALID,
	   "one more is refused");
	memset(path, 'a', sizeof(path));
	ok(name_path(arena, NULL, path, 255).code == PROBLEM_NONE,
	   "a segment of 255 bytes is good");
	const struct problem p = name_path(arena, NULL, path, 256);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "file systems"), "256 are refused");
}

static void a_nul_inside_is_refused(void)
{
	static name_rule *const rules[] = {name_project, name_model,     name_alias,
					   name_path,    name_tag,       name_metric,
					   name_slice,   name_tag_value, notation_media_type,
					   notation_uri, name_note};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		ok(rules[i](arena, NULL, "a/b\0c", 5).code == PROBLEM_INVALID ||
			   rules[i](arena, NULL, "a\0c", 3).code == PROBLEM_INVALID,
		   "by rule %zu", i);
}

static void the_place_is_named(void)
{
	const struct problem pointer = name_model(arena, "/name", "", 0);
	const struct problem parameter = name_model(arena, "model", "", 0);
	const struct problem nowhere = name_model(arena, NULL, "", 0);

	is_str(pointer.errors->pointer, "/name", "a pointer is a pointer");
	is_str(parameter.errors->parameter, "model", "a parameter is a parameter");
	ok(!nowhere.errors, "and NULL names no place");
}

int main(void)
{
	arena = arena_new(8u << 20);
	names_follow_their_rules();
	lengths_are_limited();
	paths_are_limited();
	a_nul_inside_is_refused();
	the_place_is_named();
	arena_free(arena);
	return tap_done();
}
