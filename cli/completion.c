#include "cli/completion.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit.h"

/* ---- what the table says about a word --------------------------------------------- */

static bool wants_path(const char *value)
{
	return value && (strstr(value, "FILE") || strstr(value, "FOLDER"));
}

static bool has_second(const struct command *c)
{
	return strchr(c->name, ' ') != NULL;
}

static int first_len(const struct command *c)
{
	return (int)strcspn(c->name, " ");
}

/* The first of several commands that begin with the same word. */
static bool first_of_its_word(const struct command *const *c)
{
	return c == commands || first_len(c[-1]) != first_len(*c) ||
	       strncmp(c[-1]->name, (*c)->name, (size_t)first_len(*c)) != 0;
}

/* The words of "major|minor|patch" with a space between. */
static void words(FILE *to, const char *value)
{
	for (const char *s = value; *s; s++)
		fputc(*s == '|' ? ' ' : *s, to);
}

/* Text inside single quotes of a shell. */
static void quoted(FILE *to, const char *s)
{
	fputc('\'', to);
	for (; *s; s++)
		if (*s == '\'')
			fputs("'\\''", to);
		else
			fputc(*s, to);
	fputc('\'', to);
}

/* ---- bash ------------------------------------------------------------------------- */

static void bash_names(FILE *to, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o && o->name; o++)
		fprintf(to, " --%s", o->name);
}

static void bash_first_words(FILE *to)
{
	fputs("\tlocal commands='", to);
	for (const struct command *const *c = commands; *c; c++)
		if (first_of_its_word(c))
			fprintf(to, "%s%.*s", c == commands ? "" : " ", first_len(*c), (*c)->name);
	fputs("'\n\tlocal shared='", to);
	bash_names(to, global_options);
	fputs("'\n", to);
}

static void bash_second_words(FILE *to)
{
	fputs("\tcase $first in\n", to);
	for (const struct command *const *c = commands; *c; c++) {
		if (!has_second(*c) || !first_of_its_word(c))
			continue;
		fprintf(to, "\t%.*s) seconds='", first_len(*c), (*c)->name);
		for (const struct command *const *d = c; *d && (d == c || !first_of_its_word(d));
		     d++)
			fprintf(to, "%s%s", d == c ? "" : " ", (*d)->name + first_len(*d) + 1);
		fputs("' ;;\n", to);
	}
	fputs("\tesac\n", to);
}

static void bash_options(FILE *to)
{
	fputs("\tcase \"$first $second\" in\n", to);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(to, has_second(*c) ? "\t'%s') own='" : "\t'%s '*) own='", (*c)->name);
		bash_names(to, (*c)->options);
		fputs("' ;;\n", to);
	}
	fputs("\tesac\n", to);
}

static void bash_values(FILE *to, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o && o->name; o++) {
		if (o->kind == OPTION_WORD) {
			fprintf(to, "\t--%s) COMPREPLY=($(compgen -W '", o->name);
			words(to, o->value);
			fputs("' -- \"$word\")); return ;;\n", to);
		} else if (wants_path(o->value)) {
			fprintf(to, "\t--%s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n",
				o->name);
		}
	}
}

void completion_bash(FILE *to)
{
	fputs("# hallmark's completion for bash: source it, or put it into\n"
	      "# ~/.local/share/bash-completion/completions/hallmark\n"
	      "_hallmark() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal first=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-} seconds='' own=''\n",
	      to);
	bash_first_words(to);
	bash_second_words(to);
	bash_options(to);
	fputs("\tcase $before in\n", to);
	for (const struct command *const *c = commands; *c; c++)
		bash_values(to, (*c)->options);
	bash_values(to, global_options);
	fputs("\tesac\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$word\"))\n"
	      "\telif [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$seconds\" ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$seconds\" -- \"$word\"))\n"
	      "\telif [ \"$first\" = help ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n"
	      "\telif [ \"${word:0:1}\" = - ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$own $shared\" -- \"$word\"))\n"
	      "\telse\n"
	      "\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n"
	      "\tfi\n"
	      "}\n"
	      "complete -o filenames -F _hallmark hallmark\n",
	      to);
}

/* ---- zsh -------------------------------------------------------------------------- */

/* Brackets and colons have a meaning in what _arguments reads. */
static void zsh_text(FILE *to, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", to);
		else if (strchr("[]:\\", *s))
			fprintf(to, "\\%c", *s);
		else
			fputc(*s, to);
	}
}

static void zsh_options(FILE *to, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o && o->name; o++) {
		fprintf(to, " '%s--%s[", o->kind == OPTION_LIST ? "*" : "", o->name);
		zsh_text(to, o->help);
		fputc(']', to);
		if (o->kind == OPTION_WORD) {
			fputs(":word:(", to);
			words(to, o->value);
			fputc(')', to);
		} else if (o->kind != OPTION_FLAG) {
			fprintf(to, ":value:%s", wants_path(o->value) ? "_files" : "");
		}
		fputc('\'', to);
	}
}

void completion_zsh(FILE *to)
{
	fputs("#compdef hallmark\n"
	      "# hallmark's completion for zsh: put it as _hallmark into a folder of $fpath\n"
	      "_hallmark() {\n"
	      "\tlocal name=${words[2]-}\n"
	      "\tif (( CURRENT == 2 )); then\n"
	      "\t\tlocal -a names=(",
	      to);
	for (const struct command *const *c = commands; *c; c++) {
		if (!first_of_its_word(c))
			continue;
		fprintf(to, " '%.*s:", first_len(*c), (*c)->name);
		zsh_text(to, (*c)->summary);
		fputc('\'', to);
	}
	fputs(" )\n\t\t_describe command names; return\n\tfi\n\tcase $name in\n", to);
	for (const struct command *const *c = commands; *c; c++)
		if (has_second(*c) && first_of_its_word(c)) {
			fprintf(to, "\t%.*s) if (( CURRENT == 3 )); then compadd", first_len(*c),
				(*c)->name);
			for (const struct command *const *d = c;
			     *d && (d == c || !first_of_its_word(d)); d++)
				fprintf(to, " %s", (*d)->name + first_len(*d) + 1);
			fputs("; return; fi; name=\"$name ${words[3]-}\" ;;\n", to);
		}
	fputs("\tesac\n\tcase $name in\n", to);
	for (const struct command *const *c = commands; *c; c++) {
		fprintf(to, "\t'%s') _arguments -S", (*c)->name);
		zsh_options(to, (*c)->options);
		zsh_options(to, global_options);
		fputs(" '*:operand:_files' ;;\n", to);
	}
	fputs("\tesac\n}\n_hallmark \"$@\"\n", to);
}

/* ---- fish ------------------------------------------------------------------------- */

static void fish_options(FILE *to, const char *when, int when_len, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o && o->name; o++) {
		fputs("complete -c hallmark", to);
		if (when)
			fprintf(to, " -n '__fish_seen_subcommand_from %.*s'", when_len, when);
		fprintf(to, " -l %s", o->name);
		if (o->letter)
			fprintf(to, " -s %c", o->letter);
		if (o->kind != OPTION_FLAG)
			fputs(wants_path(o->value) ? " -r -F" : " -x", to);
		if (o->kind == OPTION_WORD) {
			fputs(" -a '", to);
			words(to, o->value);
			fputc('\'', to);
		}
		fputs(" -d ", to);
		quoted(to, o->help);
		fputc('\n', to);
	}
}

void completion_fish(FILE *to)
{
	fputs("# hallmark's completion for fish: put it into\n"
	      "# ~/.config/fish/completions/hallmark.fish\n",
	      to);
	for (const struct command *const *c = commands; *c; c++) {
		if (first_of_its_word(c)) {
			fprintf(to, "complete -c hallmark -f -n __fish_use_subcommand -a %.*s -d ",
				first_len(*c), (*c)->name);
			quoted(to, (*c)->summary);
			fputc('\n', to);
		}
		if (has_second(*c)) {
			fprintf(to,
				"complete -c hallmark -f -n '__fish_seen_subcommand_from %.*s' -a "
				"%s -d ",
				first_len(*c), (*c)->name, (*c)->name + first_len(*c) + 1);
			quoted(to, (*c)->summary);
			fputc('\n', to);
		}
		fish_options(to, (*c)->name, first_len(*c), (*c)->options);
	}
	fish_options(to, NULL, 0, global_options);
}

/* ---- the command ------------------------------------------------------------------ */

static struct problem run(struct cli *cli, const void *options)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *to);
	} shells[] = {
		{"bash", completion_bash},
		{"zsh", completion_zsh},
		{"fish", completion_fish},
	};

	(void)options;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(cli->operands[0], shells[i].shell) == 0) {
			shells[i].print(stdout);
			return NO_PROBLEM;
		}
	return problem(cli->arena, CLI_USAGE,
		       "there is no completion for \"%s\": it is one of bash, zsh, fish",
		       cli->operands[0]);
}

const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.least = 1,
	.most = 1,
	.summary = "Print the completion script of a shell",
	.examples =
		(const struct example[]){
			{"In this bash", "source <(hallmark completion bash)"},
			{NULL, NULL},
		},
	.run = run,
};
