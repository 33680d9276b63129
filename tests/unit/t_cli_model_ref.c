#include "cli/model_ref.h"

#include <stdlib.h>

#include "cli/exit.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text, *project, *model, *reference;
} good[] = {
	{"default/minilm", "default", "minilm", NULL},
	{"minilm", "default", "minilm", NULL},
	{"vision/yolo@1.2.3", "vision", "yolo", "1.2.3"},
	{"vision/yolo@^1", "vision", "yolo", "^1"},
	{"yolo@>=1.2 <2", "default", "yolo", ">=1.2 <2"},
	{"yolo@latest", "default", "yolo", "latest"},
	{"yolo@newest", "default", "yolo", "newest"},
	{"yolo@v7", "default", "yolo", "v7"},
	{"yolo@v1.2.3", "default", "yolo", "v1.2.3"},
	{"yolo@champion", "default", "yolo", "@champion"},
	{"yolo@@champion", "default", "yolo", "@champion"},
	{"yolo@@v", "default", "yolo", "@v"},
	{"yolo@x", "default", "yolo", "x"},
	{"yolo@vanilla", "default", "yolo", "@vanilla"},
	{"a/b c ü", "a", "b c ü", NULL},
};

static const char *const bad[] = {"", "/", "a/", "/b", "a/b/c", "a/b@", "@1.0.0", "a/@1"};

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static void test_reading(struct arena *a)
{
	struct model_ref m;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		m = (struct model_ref){0};
		is_int(model_ref_read(a, good[i].text, &m).code, PROBLEM_NONE, "\"%s\" is a model",
		       good[i].text);
		is_str(m.project, good[i].project, "in %s", good[i].project);
		is_str(m.model, good[i].model, "named %s", good[i].model);
		ok(same(m.reference, good[i].reference), "reference %s",
		   good[i].reference ? good[i].reference : "absent");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(model_ref_read(a, bad[i], &m).code, CLI_USAGE, "\"%s\" is none", bad[i]);
}

static const struct {
	const char *reference, *version;
	int64_t ordinal;
	bool good;
} answers[] = {
	{NULL, "1.0.0", 1, true},
	{"1.0.0", "1.0.0", 1, true},
	{"v1.0.0", "1.0.0", 1, true},
	{"1.0.0", "1.0.0+b7", 1, true},
	{"1.0.0+b7", "1.0.0+b7", 1, true},
	{"1.0.0+b7", "1.0.0+b8", 1, false},
	{"1.0.0", "1.0.0-rc.1", 1, false},
	{"1.0.0", "1.0.01", 1, false},
	{"1.0.0-rc.1", "1.0.0-rc.1+b", 1, true},
	{"v7", "1.0.0", 7, true},
	{"v7", "1.0.0", 70, false},
	{"^1", "2.0.0", 1, true},
	{"1.x", "2.0.0", 1, true},
	{"@champion", "2.0.0", 1, true},
};

static void test_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		is_int(reference_answers(answers[i].reference, answers[i].version,
					 answers[i].ordinal),
		       answers[i].good, "%s %s %s of ordinal %lld",
		       answers[i].reference ? answers[i].reference : "nothing",
		       answers[i].good ? "may be" : "is not", answers[i].version,
		       (long long)answers[i].ordinal);
}

static void test_targets(struct arena *a)
{
	const struct model_ref m = {"default", "my model/ü", NULL};

	is_str(model_target(a, &m, "/versions"),
	       "/api/v1/projects/default/models/my%20model%2F%C3%BC/versions",
	       "every part of a target is encoded");
	is_str(version_target(a, &m, ">=1 <2", "/artifacts"),
	       "/api/v1/projects/default/models/my%20model%2F%C3%BC/versions/%3E%3D1%20%3C2/"
	       "artifacts",
	       "the reference, too");
	is_str(version_target(a, &m, NULL, ""),
	       "/api/v1/projects/default/models/my%20model%2F%C3%BC/versions/latest",
	       "no reference is the latest");
}

static void test_project_of_environment(struct arena *a)
{
	struct model_ref m = {0};

	setenv("HALLMARK_PROJECT", "vision", 1);
	is_int(model_ref_read(a, "yolo", &m).code, PROBLEM_NONE, "a bare name");
	is_str(m.project, "vision", "is in the project of the environment");
	is_int(model_ref_read(a, "other/yolo", &m).code, PROBLEM_NONE, "a full name");
	is_str(m.project, "other", "is in its own");
	unsetenv("HALLMARK_PROJECT");
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	unsetenv("HALLMARK_PROJECT");
	test_reading(a);
	test_answers();
	test_targets(a);
	test_project_of_environment(a);
	arena_free(a);
	return tap_done();
}
