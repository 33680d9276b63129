/* command.h - a command as a row of data: what the parser, the help, the man page
 * and the shell completions are all made from.
 *
 * A command's options fill a struct of its own, member by member, as its table
 * says; the struct starts zeroed. Texts point into argv.
 */
#ifndef HALLMARK_CLI_COMMAND_H
#define HALLMARK_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

struct cli;

struct texts {
	const char **items;
	size_t count;
};

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, NULL when absent; a later one wins */
	OPTION_LIST,   /* struct texts, may be given often */
	OPTION_NUMBER, /* int, 1 … 1,000,000,000 */
	OPTION_WORD,   /* const char *, one of the words in value: "major|minor|patch" */
};

struct cli_option {
	const char *name; /* without the dashes */
	char letter;      /* 0: no short form */
	enum option_kind kind;
	size_t at;         /* offsetof in the command's struct */
	const char *value; /* what stands for the value in the help */
	const char *help;  /* one sentence */
};

struct example {
	const char *says;
	const char *line;
};

struct command {
	const char *name;                 /* "push", "alias set" */
	const char *operands;             /* "MODEL FOLDER"; "" for none */
	int least, most;                  /* how many of them */
	const char *summary;              /* one line, no full stop */
	const char *about;                /* paragraphs; NULL: the summary says all */
	const struct cli_option *options; /* up to one without name; NULL: none */
	size_t size;                      /* of the struct they fill */
	const struct example *examples;   /* up to one without line */
	struct problem (*run)(struct cli *cli, const void *options);
};

/* Every command in the order of the help; ends with NULL. */
extern const struct command *const commands[];
/* The options that every command takes; they fill struct globals (cli/cli.h). */
extern const struct cli_option global_options[];

struct parsed {
	const struct command *command;
	void *options;
	const char **operands; /* ends with NULL */
	int count;
};

/* Reads argv[1] on, up to its NULL. Options may stand anywhere, "--" ends them.
 * Without a command, and for --help, the command is "help". CLI_USAGE says what
 * was wrong and what was perhaps meant. globals is filled even then. */
MUST_CHECK struct problem command_parse(struct arena *a, char **argv, void *globals,
					struct parsed *out);

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

#endif
