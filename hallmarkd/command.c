#include "hallmarkd/command.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nearest.h"
#include "hallmarkd/supervisor.h"

#ifndef HALLMARK_VERSION
#define HALLMARK_VERSION "unreleased"
#endif

static struct problem run_help(struct invocation *in) MUST_CHECK;
static struct problem run_version(struct invocation *in) MUST_CHECK;

/* clang-format off */
static const struct command commands[] = {
	{"serve", NULL, "run the registry; what hallmarkd does without a command",
	 "hallmarkd serve --listen 0.0.0.0:8080", 0, 0, NULL, 0, run_serve},
	{"migrate", NULL, "bring the database in DATABASE_URL up to this release, and make what a first start needs",
	 "DATABASE_URL=postgresql://hallmark@db/hallmark hallmarkd migrate", 0, 0, NULL, 0, run_migrate},
	{"keys list", NULL, "the signing keys, newest first",
	 "hallmarkd keys list", 0, 0, NULL, 0, keys_list},
	{"keys add", NULL, "make a signing key; it signs once every replica holds it",
	 "hallmarkd keys add", 0, 0, NULL, 0, keys_add},
	{"keys retire", "KEY", "end a key's signing; its signatures stay verifiable",
	 "hallmarkd keys retire 5C1F0A9B33D2E7C4", 1, 1, &keys_retire_options, sizeof(struct keys_retire_options), keys_retire},
	{"token create", "PRINCIPAL", "an access token for a person or a program; it is printed this once",
	 "hallmarkd token create ci --role publisher --project default --expires 90d", 1, 1,
	 &token_create_options, sizeof(struct token_create_options), token_create},
	{"token list", NULL, "the tokens there are, by their ids",
	 "hallmarkd token list --principal ci", 0, 0, &token_list_options, sizeof(struct token_list_options), token_list},
	{"token revoke", "TOKEN", "end a token, named by its id or by itself",
	 "hallmarkd token revoke 0fZk3mQx71Ab", 1, 1, NULL, 0, token_revoke},
	{"config", NULL, "the settings in force, each with where it comes from",
	 "HALLMARK_LOOPS=2 hallmarkd config", 0, 0, NULL, 0, run_config},
	{"version", NULL, "the release", "hallmarkd version", 0, 0, NULL, 0, run_version},
	{"help", "[COMMAND]", "what hallmarkd can do, or one command of it",
	 "hallmarkd help token create", 0, 2, NULL, 0, run_help},
	{"prepare", NULL, NULL, NULL, 0, 0, NULL, 0, run_prepare},
	{"service", NULL, NULL, NULL, 0, 0, NULL, 0, run_service},
	{"signer", NULL, NULL, NULL, 0, 0, NULL, 0, run_signer},
};
/* clang-format on */
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

/* As the command line program has them. */
static const struct {
	enum problem_code code;
	int status;
	const char *meaning;
} exits[] = {
	{PROBLEM_NONE, 0, "done"},
	{PROBLEM_INTERNAL, 1, "something else went wrong"},
	{PROBLEM_INVALID, 2, "a flag, a setting or an argument is wrong"},
	{PROBLEM_NOT_FOUND, 3, "there is no such thing"},
	{PROBLEM_CONFLICT, 6, "it does not go with what is there"},
	{PROBLEM_UNAVAILABLE, 7, "the database cannot be reached; try again"},
};

static int exit_of(enum problem_code code)
{
	for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++) {
		if (exits[i].code == code)
			return exits[i].status;
	}
	return 1;
}

/* ---- Help ---- */

static void help_all(void)
{
	printf("hallmarkd " HALLMARK_VERSION ": a model registry.\n\n"
	       "Usage: hallmarkd [COMMAND] [FLAGS]\n\nCommands:\n");
	for (int i = 0; i < COMMANDS; i++) {
		if (commands[i].summary)
			printf("  %-13s %s\n", commands[i].name, commands[i].summary);
	}
	printf("\nSettings, as a flag, a variable, or a line `name = value` of the file:\n");
	settings_help(&config_table, stdout);
	printf("\nExit status:\n");
	for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++)
		printf("  %d  %s\n", exits[i].status, exits[i].meaning);
}

static void help_one(const struct command *c)
{
	printf("hallmarkd %s%s%s: %s\n\n  %s\n", c->name, c->arguments ? " " : "",
	       c->arguments ? c->arguments : "", c->summary, c->example);
	if (c->options) {
		printf("\nFlags:\n");
		settings_help(c->options, stdout);
	}
	printf("\nAll settings are flags too; `hallmarkd help` lists them.\n");
}

static const struct command *find(const char *const *words, int n, int *used);
static struct problem unknown(struct arena *a, const char *const *words, int n);

static struct problem run_help(struct invocation *in)
{
	int used;
	const struct command *c = find(in->words, in->nwords, &used);

	if (in->nwords > 0 && (!c || !c->summary))
		return unknown(in->arena, in->words, in->nwords);
	if (c)
		help_one(c);
	else
		help_all();
	return NO_PROBLEM;
}

static struct problem run_version(struct invocation *in)
{
	(void)in;
	printf("hallmarkd " HALLMARK_VERSION "\n");
	return NO_PROBLEM;
}

/* ---- Finding the command ---- */

/* Its name is the first word, or the first two. */
static const struct command *find(const char *const *words, int n, int *used)
{
	for (int i = 0; i < COMMANDS; i++) {
		const char *name = commands[i].name, *space = strchr(name, ' ');
		size_t first = space ? (size_t)(space - name) : strlen(name);

		*used = space ? 2 : 1;
		if (n < *used || strncmp(words[0], name, first) != 0 || words[0][first])
			continue;
		if (!space || strcmp(words[1], space + 1) == 0)
			return &commands[i];
	}
	*used = 0;
	return NULL;
}

static struct problem unknown(struct arena *a, const char *const *words, int n)
{
	const char *both = n > 1 ? arena_printf(a, "%s %s", words[0], words[1]) : words[0];
	struct nearest one = nearest_to(words[0]), two = nearest_to(both);

	for (int i = 0; i < COMMANDS; i++) {
		if (!commands[i].summary)
			continue;
		nearest_offer(strchr(commands[i].name, ' ') ? &two : &one, commands[i].name);
	}
	const char *best = two.best ? two.best : one.best;
	size_t len = strlen(words[0]);
	for (int i = 0; !best && i < COMMANDS; i++) { /* `keys` alone */
		if (strncmp(commands[i].name, words[0], len) == 0 && commands[i].name[len] == ' ')
			return problem(a, PROBLEM_INVALID,
				       "%s wants a second word, as in: hallmarkd %s", words[0],
				       commands[i].name);
	}
	if (best)
		return problem(a, PROBLEM_INVALID, "%s is no command; did you mean %s?", both,
			       best);
	return problem(a, PROBLEM_INVALID, "%s is no command; `hallmarkd help` lists them", both);
}

/* Two passes: flags may stand before the command's name, and which flags there are
 * hangs on the command. The first pass only looks for words. */
static const char *const *plain_words(struct arena *a, int argc, const char *const *argv, int *n)
{
	const char **words = arena_array(a, const char *, (size_t)argc + 1);

	*n = 0;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			words[(*n)++] = argv[i];
		else if (settings_flag_takes_next(&config_table, argv[i]))
			i++;
	}
	return words;
}

static bool asks_for(int argc, const char *const *argv, const char *flag, const char *letter)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], flag) == 0 || strcmp(argv[i], letter) == 0)
			return true;
	}
	return false;
}

/* ---- Running it ---- */

static struct problem check_words(struct arena *a, const struct command *c, int n)
{
	if (n >= c->min_words && n <= c->max_words)
		return NO_PROBLEM;
	return problem(a, PROBLEM_INVALID, "want: hallmarkd %s%s%s", c->name,
		       c->arguments ? " " : "", c->arguments ? c->arguments : "");
}

/* Our own children are born with the settings, and read nothing else. */
static struct problem read_settings(struct invocation *in, struct config *config,
				    const struct command *c)
{
	if (!c->summary)
		return config_inherit(in->arena, in->settings, CHILD_SETTINGS);
	return config_settle(in->arena, in->settings, config);
}

static struct problem run(struct arena *a, const struct command *c, int used, int argc,
			  const char *const *argv, int *status)
{
	struct config *config = arena_alloc(a, sizeof(*config));
	struct invocation *in = arena_alloc(a, sizeof(*in));
	const char **words = arena_array(a, const char *, (size_t)argc + 1);
	void *options = arena_alloc(a, c->options_size + 1);
	struct settings *sets[2];
	int n = 0;

	if (c->options)
		sets[n++] = settings_new(a, c->options, options);
	sets[n++] = in->settings = config_new(a, config);
	TRY(settings_read_flags(sets, n, argc, argv, words));
	in->arena = a;
	in->config = config;
	in->options = options;
	for (in->words = words + used; in->words[in->nwords];)
		in->nwords++;
	TRY(check_words(a, c, in->nwords));
	if (c->run != run_help && c->run != run_version)
		TRY(read_settings(in, config, c));
	log_threshold = (enum log_level)config->log_level;
	TRY(c->run(in));
	*status = in->status;
	return NO_PROBLEM;
}

static struct problem dispatch(struct arena *a, int argc, const char *const *argv, int *status)
{
	int n, used;
	const char *const *words = plain_words(a, argc, argv, &n);
	const struct command *c = n ? find(words, n, &used) : &commands[0];

	if (asks_for(argc, argv, "--help", "-h")) {
		if (n && c && c->summary)
			help_one(c);
		else
			help_all();
		return NO_PROBLEM;
	}
	if (asks_for(argc, argv, "--version", "-V"))
		return run_version(NULL);
	if (!c)
		return unknown(a, words, n);
	return run(a, c, n ? used : 0, argc, argv, status);
}

int command_main(int argc, const char *const *argv)
{
	struct arena *a = arena_new(64 << 20);
	int status = 0;

	if (!a || sodium_init() < 0) {
		fputs("hallmarkd: out of memory\n", stderr);
		return 1;
	}
	struct problem p = dispatch(a, argc - 1, argv + 1, &status);
	if (p.code != PROBLEM_NONE) {
		fprintf(stderr, "hallmarkd: %s\n", p.detail);
		status = exit_of(p.code);
	}
	arena_free(a);
	if (fflush(stdout) != 0 && !status)
		status = 1;
	return status;
}
