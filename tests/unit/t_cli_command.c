#include "cli/command.h"

#include <ctype.h>
#include <stddef.h>

#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

enum { WORDS = 12 };

static struct problem parse(struct arena *a, const char *const *words, struct globals *g,
			    struct parsed *out)
{
	const char **argv = arena_array(a, const char *, WORDS + 2);

	argv[0] = "hallmark";
	for (int i = 0; i < WORDS && words[i]; i++)
		argv[i + 1] = words[i];
	return command_parse(a, (char **)argv, g, out);
}

/* ---- lines that are understood ---------------------------------------------------- */

static const struct {
	const char *words[WORDS];
	const char *command;
	int operands;
} good[] = {
	{{NULL}, "help", 0},
	{{"--help"}, "help", 0},
	{{"push", "--help"}, "help", 1},
	{{"push", "-h", "--version", "1.0.0"}, "help", 1},
	{{"help", "alias", "set"}, "help", 2},
	{{"--version"}, "version", 0},
	{{"version"}, "version", 0},
	{{"push", "m", "dir", "--version", "1.0.0"}, "push", 2},
	{{"push", "--version", "1.0.0", "m", "dir"}, "push", 2},
	{{"push", "m", "--version=1.0.0", "dir", "--publish"}, "push", 2},
	{{"--json", "--url", "http://x", "show", "m"}, "show", 1},
	{{"show", "m", "--json"}, "show", 1},
	{{"alias", "set", "m@1.0.0", "champion"}, "alias set", 2},
	{{"alias", "list", "m"}, "alias list", 1},
	{{"verify", "--", "--folder"}, "verify", 1},
	{{"verify", "-"}, "verify", 1},
	{{"list", "-n5", "-t", "a=b", "-t", "c"}, "list", 0},
};

static void test_good(struct arena *a)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct globals g = {0};
		struct parsed p;
		struct problem bad = parse(a, good[i].words, &g, &p);

		is_int(bad.code, PROBLEM_NONE, "line %zu is understood", i);
		is_str(p.command ? p.command->name : NULL, good[i].command, "as %s",
		       good[i].command);
		is_int(p.count, good[i].operands, "with %d operands", good[i].operands);
	}
}

/* ---- lines that are not ----------------------------------------------------------- */

static const struct {
	const char *words[WORDS];
	const char *says; /* some of it */
} bad[] = {
	{{"pusj"}, "Did you mean \"push\"?"},
	{{"frobnicate"}, "hallmark help"},
	{{"alias"}, "set, remove, list"},
	{{"alias", "sett"}, "set, remove, list"},
	{{"alias", "--json"}, "set, remove, list"},
	{{"push", "m"}, "push MODEL FOLDER|FILE"},
	{{"push", "m", "d", "e"}, "\"e\" is one word too many"},
	{{"push", "m", "d", "--verison", "1.0.0"}, "Did you mean --version?"},
	{{"push", "m", "d", "--frobnicate"}, "hallmark help push"},
	{{"push", "m", "d", "--version"}, "wants a value"},
	{{"push", "m", "d", "--publish=yes"}, "takes no value"},
	{{"push", "m", "d", "--bump", "mayor"}, "major|minor|patch"},
	{{"push", "m", "d", "--jobs", "0"}, "whole number"},
	{{"push", "m", "d", "--jobs", "4x"}, "whole number"},
	{{"push", "m", "d", "--jobs", "99999999999999999999"}, "whole number"},
	{{"push", "m", "d", "-Z"}, "no option --Z"},
	{{"--publish", "push"}, "no option --publish"},
};

static void test_bad(struct arena *a)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct globals g = {0};
		struct parsed p;
		struct problem got = parse(a, bad[i].words, &g, &p);

		is_int(got.code, CLI_USAGE, "\"%s …\" is refused", bad[i].words[0]);
		if (!ok(got.detail && strstr(got.detail, bad[i].says), "and \"%s\" is said",
			bad[i].says))
			printf("#  got: %s\n", got.detail ? got.detail : "");
	}
}

static void test_json_is_known_early(struct arena *a)
{
	const char *words[WORDS] = {"--json", "pusj"};
	struct globals g = {0};
	struct parsed p;
	struct problem got = parse(a, words, &g, &p);

	ok(got.code == CLI_USAGE && g.json, "--json counts for a line that is refused, too");
}

/* ---- what options fill ------------------------------------------------------------ */

static void test_values(struct arena *a)
{
	const char *words[WORDS] = {"push", "m", "d", "-m", "a=1", "-mb=2", "--metric=c=3", "-j8"};
	struct globals g = {0};
	struct parsed p;
	static const struct texts none;
	const struct texts *metrics = &none;
	int jobs = 0;

	ok(parse(a, words, &g, &p).code == PROBLEM_NONE, "short and long forms may be mixed");
	for (const struct cli_option *o = p.command->options; o->name; o++) {
		const void *place = (const char *)p.options + o->at;

		if (strcmp(o->name, "metric") == 0)
			metrics = place;
		if (strcmp(o->name, "jobs") == 0)
			jobs = *(const int *)place;
	}
	is_int(metrics->count, 3, "a list keeps every value");
	if (metrics->count == 3) {
		is_str(metrics->items[1], "b=2", "as it was given");
		is_str(metrics->items[2], "c=3", "also after an equals sign");
	}
	is_int(jobs, 8, "a number may stand at its letter");
}

/* ---- the table -------------------------------------------------------------------- */

static bool twice(const struct command *c, const struct cli_option *o)
{
	for (const struct cli_option *p = c->options; p && p->name; p++)
		if (p != o &&
		    (strcmp(p->name, o->name) == 0 || (o->letter && p->letter == o->letter)))
			return true;
	return false;
}

static void check_option(const struct command *c, const struct cli_option *o)
{
	size_t len = strlen(o->help);

	ok(!twice(c, o), "%s --%s has a name and letter of its own", c->name, o->name);
	ok((o->kind == OPTION_FLAG) == (o->value == NULL), "%s --%s names its value", c->name,
	   o->name);
	ok(len && o->help[len - 1] == '.', "%s --%s has a sentence of help", c->name, o->name);
	ok(o->at < c->size, "%s --%s lies in the command's struct", c->name, o->name);
}

static void check_command(const struct command *c)
{
	size_t len = strlen(c->summary);

	ok(command_find(c->name) == c, "%s is found by its name", c->name);
	ok(len && isupper((unsigned char)c->summary[0]) && c->summary[len - 1] != '.',
	   "%s has a summary without full stop", c->name);
	ok(c->run && c->least <= c->most, "%s can be run", c->name);
	ok(c->examples || !*c->operands, "%s shows examples", c->name);
	for (const struct cli_option *o = c->options; o && o->name; o++) {
		check_option(c, o);
		for (const struct cli_option *g = global_options; g->name; g++)
			if (strcmp(g->name, o->name) == 0 || (g->letter && g->letter == o->letter))
				ok(false, "%s --%s hides an option of every command", c->name,
				   o->name);
	}
	for (const struct example *e = c->examples; e && e->line; e++)
		ok(strstr(e->line, "hallmark ") && strstr(e->line, c->name),
		   "an example of %s is about it", c->name);
}

static char *printed(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

static void test_every_printer_knows_every_command(void)
{
	static const struct {
		const char *name;
		void (*print)(FILE *to);
	} printers[] = {
		{"the overview", help_overview},        {"the manual", help_manual},
		{"bash's completion", completion_bash}, {"zsh's completion", completion_zsh},
		{"fish's completion", completion_fish},
	};

	for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++) {
		char *text = printed(printers[i].print);
		bool all = true;

		for (const struct command *const *c = commands; *c; c++) {
			const char *last = strrchr((*c)->name, ' ');

			all = all && strstr(text, last ? last + 1 : (*c)->name);
		}
		ok(all, "%s names every command", printers[i].name);
		free(text);
	}
}

static void test_scripts_are_sound(void)
{
	char folder[] = "/tmp/t_cli_command.XXXXXX";
	char path[64];
	char *text = printed(completion_bash);

	ok(mkdtemp(folder) != NULL, "there is a folder to work in");
	snprintf(path, sizeof(path), "%s/hallmark.bash", folder);
	write_file(path, text, strlen(text));
	is_int(RUN("bash", "-n", path), 0, "bash reads its completion");
	unlink(path);
	free(text);
	text = printed(help_manual);
	snprintf(path, sizeof(path), "%s/hallmark.1", folder);
	write_file(path, text, strlen(text));
	if (RUN("man", "--version") == 0)
		is_int(RUN("man", "--warnings", "-E", "UTF-8", "-l", path), 0,
		       "man sets the manual");
	unlink(path);
	rmdir(folder);
	free(text);
}

static void test_exit_codes(void)
{
	is_int(exit_code_of(PROBLEM_NOT_FOUND), 3, "what is not there is 3");
	is_int(exit_code_of(PROBLEM_UNAUTHENTICATED), 4, "no token is 4");
	is_int(exit_code_of(PROBLEM_FORBIDDEN), 5, "a token that may not is 5");
	is_int(exit_code_of(PROBLEM_IMMUTABLE), 6, "a conflict is 6");
	is_int(exit_code_of(PROBLEM_BUSY), 7, "try again later is 7");
	is_int(exit_code_of(CLI_UNSIGNED), 10, "no signature is 10");
	is_int(exit_code_of(CLI_NO_VERSION), 11, "no such version is 11");
	is_int(exit_code_of(CLI_BAD_SIGNATURE), 12, "a wrong signature is 12");
	is_int(exit_code_of(PROBLEM_DIGEST_MISMATCH), 14, "wrong bytes are 14");
	is_int(exit_code_of(PROBLEM_INTERNAL), 1, "the rest is 1");
	is_str(exit_type_of(CLI_BAD_SIGNATURE), "bad-signature", "codes of the client have types");
	is_str(exit_type_of(CLI_FAILED), "failed", "each its own");
}

int main(void)
{
	struct arena *a = arena_new(8 << 20);

	test_good(a);
	test_bad(a);
	test_json_is_known_early(a);
	test_values(a);
	for (const struct command *const *c = commands; *c; c++)
		check_command(*c);
	test_every_printer_knows_every_command();
	test_scripts_are_sound();
	test_exit_codes();
	arena_free(a);
	return tap_done();
}
