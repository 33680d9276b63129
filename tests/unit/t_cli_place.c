#include "cli/place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/folder.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

static const char *const good[] = {
	"model.onnx", "onnx/model.onnx",     "a/b/c/d",     ".gitattributes",  "..data", "a..b/c",
	"ü/模型",     "with space/and+plus", ".hallmarked", "sub/.hallmark/x", "c",      "-rf",
};

static const char *const bad[] = {
	"",
	"/etc/passwd",
	"..",
	"../x",
	"a/../b",
	"a/..",
	".",
	"./a",
	"a/./b",
	"a//b",
	"a/",
	"/",
	"a\\b",
	"C:/x",
	"c:x",
	"a\nb",
	"a\x1b[2J",
	"a\x7f",
	"\xff",

	".hallmark",
	".hallmark/attestation.json",
	".HALLMARK/x",

};

static void test_paths(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(path_fault(good[i]) == NULL, "%s is a path", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(path_fault(bad[i]) != NULL, "path %zu leads astray: %s", i, path_fault(bad[i]));
}

/* U+202E turns the reading direction: gpj.exe looks like exe.jpg. */
static void test_turned_path(void)
{
	const unsigned char path[] = {'a', 0xe2, 0x80, 0xae, 'b', 0};

	ok(path_fault((const char *)path) != NULL, "a mark that turns the direction leads astray");
}

static void test_long_segment(void)
{
	char path[257];

	memset(path, 'a', sizeof(path));
	path[255] = '\0';
	ok(path_fault(path) == NULL, "a segment may have 255 bytes");
	path[255] = 'a';
	path[256] = '\0';
	ok(path_fault(path) != NULL, "but not 256");
}

static void test_long_path(void)
{
	char path[1030];

	for (size_t i = 0; i < 1024; i++)
		path[i] = i % 10 == 9 ? '/' : 'a';
	path[1023] = 'a';
	path[1024] = '\0';
	ok(path_fault(path) == NULL, "1,024 bytes are a path");
	memcpy(path + 1024, "b", 2);
	ok(path_fault(path) != NULL, "1,025 bytes are none");
}

/* folder/{real/file, outside -> /tmp, link -> real/file, pipe, .git/x, .hidden, a.bin} */
static int make_folder(const char *folder)
{
	int root = open(folder, O_RDONLY | O_DIRECTORY);

	mkdirat(root, "real", 0755);
	mkdirat(root, ".git", 0755);
	mkdirat(root, ".hallmark", 0755);
	close(openat(root, "real/file", O_CREAT | O_WRONLY, 0644));
	close(openat(root, ".git/x", O_CREAT | O_WRONLY, 0644));
	close(openat(root, ".hallmark/x", O_CREAT | O_WRONLY, 0644));
	close(openat(root, ".hidden", O_CREAT | O_WRONLY, 0644));
	close(openat(root, "a.bin", O_CREAT | O_WRONLY, 0644));
	ok(symlinkat("/tmp", root, "outside") == 0 && symlinkat("real/file", root, "link") == 0 &&
		   mkfifoat(root, "pipe", 0644) == 0,
	   "the folder is prepared");
	return root;
}

static void test_no_link_is_followed(struct arena *a, int root)
{
	const char *leaf = "";
	int fd = -1;

	is_int(place_parent(a, root, "real/file", false, &fd, &leaf).code, PROBLEM_NONE,
	       "a folder is walked");
	is_str(leaf, "file", "up to the last segment");
	close(fd);
	ok(place_parent(a, root, "outside/evil", true, &fd, &leaf).code != PROBLEM_NONE,
	   "a link to a folder is not");
	ok(place_parent(a, root, "real/file/below", true, &fd, &leaf).code != PROBLEM_NONE,
	   "nor is a file");
	is_int(place_parent(a, root, "new/sub/file", false, &fd, &leaf).code, PROBLEM_NOT_FOUND,
	       "a missing folder is said to be missing");
	is_int(place_parent(a, root, "new/sub/file", true, &fd, &leaf).code, PROBLEM_NONE,
	       "or made");
	close(fd);
	is_int(place_open(a, root, "real/file", &fd).code, PROBLEM_NONE, "a file opens");
	close(fd);
	ok(place_open(a, root, "link", &fd).code != PROBLEM_NONE, "a link to one does not");
	ok(place_open(a, root, "pipe", &fd).code != PROBLEM_NONE, "nor a pipe, at once");
	ok(place_open(a, root, "real", &fd).code != PROBLEM_NONE, "nor a folder");
	is_int(place_open(a, root, "nothing", &fd).code, PROBLEM_NOT_FOUND, "nor nothing");
	is_int(fd, -1, "and no descriptor is left");
}

static const char *listing(struct arena *a, int root, const struct folder_rules *rules)
{
	struct folder f = {0};
	const char *line = "";

	if (folder_list(a, root, rules, &f).code != PROBLEM_NONE)
		return "failed";
	for (size_t i = 0; i < f.count; i++) {
		static const char mark[] = {'f', 'l', 'o'};

		line = arena_printf(a, "%s%s:%c ", line, f.entries[i].path,
				    mark[f.entries[i].kind]);
	}
	return line;
}

static void test_listing(struct arena *a, int root)
{
	const char *patterns[] = {"*.bin", "pipe"};
	const struct texts exclude = {patterns, 2};

	is_str(listing(a, root, &(struct folder_rules){0}),
	       "a.bin:f link:l outside:l pipe:o real/file:f ",
	       "a folder is listed in order, links as links, without hidden files");
	is_str(listing(a, root, &(struct folder_rules){.hidden = true}),
	       ".hidden:f a.bin:f link:l outside:l pipe:o real/file:f ",
	       "hidden files come when asked for, .git does not");
	is_str(listing(a, root, &(struct folder_rules){.all = true}),
	       ".git/x:f .hidden:f a.bin:f link:l outside:l pipe:o real/file:f ",
	       "everything is all but .hallmark");
	is_str(listing(a, root, &(struct folder_rules){.exclude = &exclude}),
	       "link:l outside:l real/file:f ", "patterns leave files out");
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);
	char folder[] = "/tmp/t_cli_place.XXXXXX";
	int root;

	test_paths();
	test_turned_path();
	test_long_segment();
	test_long_path();
	ok(mkdtemp(folder) != NULL, "there is a folder to work in");
	root = make_folder(folder);
	test_listing(a, root);
	test_no_link_is_followed(a, root);
	close(root);
	RUN("rm", "-rf", folder);
	arena_free(a);
	return tap_done();
}
