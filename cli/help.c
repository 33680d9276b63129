#include "cli/help.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit.h"

enum { INDENT = 2, NAMES = 16, LEFT = 26, WRAP = 79 };

const struct variable variables[] = {
	{"HALLMARK_URL", "The registry, unless --url says another; preset http://127.0.0.1:8080."},
	{"HALLMARK_TOKEN_FILE", "A file that holds the access token."},
	{"HALLMARK_TOKEN", "The access token itself; a file is safer."},
	{"HALLMARK_PROJECT", "The project of a MODEL written without one; preset default."},
	{"HALLMARK_CA_FILE", "Certificates (PEM) to trust for https, in place of the system's."},
	{"XDG_CONFIG_HOME", "Where the folder hallmark with tokens and trusted keys lies; preset "
			    "~/.config."},
	{"NO_COLOR", "When set, no colours are printed."},
	{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy on the way to the registry."},
	{NULL, NULL},
};

static const char intro[] =
	"hallmark talks to a Hallmark model registry: it registers models with their versions, "
	"metrics and lineage, and brings them back verified.";

static const char reference_text_about[] =
	"A MODEL is PROJECT/NAME, or NAME alone in the project \"default\". A version follows an "
	"@: 1.4.2 exact; ^1.4, ~1.4.0, 1.x, '>=1.2 <2' the highest published match; latest the "
	"highest of all; newest the last published; champion an alias; v7 the seventh version.";

/* ---- setting text ----------------------------------------------------------------- */

/* Prints s from the column where the cursor stands, broken at spaces, indented. */
static void wrapped(FILE *to, const char *s, int at, int indent)
{
	while (*s) {
		int len = (int)strcspn(s, " \n");

		if (at > indent && at + 1 + len > WRAP) {
			fprintf(to, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', to);
			at++;
		}
		fprintf(to, "%.*s", len, s);
		at += len;
		s += len;
		if (*s == '\n') {
			fprintf(to, "\n\n%*s", indent, "");
			at = indent;
		}
		s += *s != '\0';
	}
	fputc('\n', to);
}

/* left, then right from a column on. */
static void row(FILE *to, const char *left, const char *right, int column)
{
	int n = fprintf(to, "%*s%s", INDENT, "", left);

	if (n + 1 > column)
		n = fprintf(to, "\n%*s", column, "") - 1;
	else
		n += fprintf(to, "%*s", column - n, "");
	wrapped(to, right, n, column);
}

/* "-q, --quiet", "--bump major|minor|patch" */
static const char *option_left(const struct cli_option *o, char *buf, size_t size)
{
	char letter[8] = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(buf, size, "%s--%s%s%s", letter, o->name, o->kind == OPTION_FLAG ? "" : " ",
		 o->kind == OPTION_FLAG ? "" : o->value);
	return buf;
}

static void options(FILE *to, const struct cli_option *table)
{
	char left[128];

	for (const struct cli_option *o = table; o && o->name; o++) {
		bool often = o->kind == OPTION_LIST;
		char help[512];

		snprintf(help, sizeof(help), "%s%s", o->help, often ? " May be given often." : "");
		row(to, option_left(o, left, sizeof(left)), help, LEFT);
	}
}

/* ---- help on a screen ------------------------------------------------------------- */

void help_overview(FILE *to)
{
	wrapped(to, intro, 0, 0);
	fputs("\nCommands\n", to);
	for (const struct command *const *c = commands; *c; c++)
		row(to, (*c)->name, (*c)->summary, NAMES);
	fputc('\n', to);
	wrapped(to, reference_text_about, 0, 0);
	fputs("\nOptions of every command\n", to);
	options(to, global_options);
	fputs("\n\"hallmark help COMMAND\" shows its options and examples; \"hallmark help --man\" "
	      "is the manual.\n",
	      to);
}

static void examples(FILE *to, const struct example *list)
{
	if (!list || !list->line)
		return;
	fputs("\nExamples\n", to);
	for (const struct example *e = list; e->line; e++)
		fprintf(to, "%*s# %s\n%*s%s\n", INDENT, "", e->says, INDENT, "", e->line);
}

void help_command(FILE *to, const struct command *c)
{
	fprintf(to, "hallmark %s%s%s%s\n\n%s.\n", c->name, c->operands[0] ? " " : "", c->operands,
		c->options ? " [OPTION…]" : "", c->summary);
	if (c->about) {
		fputc('\n', to);
		wrapped(to, c->about, 0, 0);
	}
	examples(to, c->examples);
	if (c->options) {
		fputs("\nOptions\n", to);
		options(to, c->options);
	}
	fputs("\nOptions of every command\n", to);
	options(to, global_options);
}

/* ---- the manual ------------------------------------------------------------------- */

/* Text for roff: backslashes and leading dots must not become requests, and a
 * hyphen that a reader copies must stay an ASCII one. */
static void roff(FILE *to, const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", to);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", to);
		else if (*s == '-')
			fputs("\\-", to);
		else if (*s == '\n')
			fputs("\n.PP\n", to);
		else if (*s == '\'')
			fputs("\\(aq", to);
		else
			fputc(*s, to);
	}
}

static void roff_line(FILE *to, const char *request, const char *s)
{
	fputs(request, to);
	roff(to, s);
	fputc('\n', to);
}

static void roff_options(FILE *to, const struct cli_option *table)
{
	char left[128];

	for (const struct cli_option *o = table; o && o->name; o++) {
		fputs(".TP\n.B ", to);
		roff(to, option_left(o, left, sizeof(left)));
		fputc('\n', to);
		roff(to, o->help);
		fputs(o->kind == OPTION_LIST ? " May be given often.\n" : "\n", to);
	}
}

static void roff_command(FILE *to, const struct command *c)
{
	fprintf(to, ".SS \"%s %s\"\n", c->name, c->operands);
	roff(to, c->summary);
	fputs(".\n", to);
	if (c->about) {
		fputs(".PP\n", to);
		roff_line(to, "", c->about);
	}
	roff_options(to, c->options);
	for (const struct example *e = c->examples; e && e->line; e++) {
		fputs(".PP\n", to);
		roff(to, e->says);
		fputs(":\n.RS 4\n.nf\n", to);
		roff(to, e->line);
		fputs("\n.fi\n.RE\n", to);
	}
}

static void roff_tables(FILE *to)
{
	fputs(".SH OPTIONS OF EVERY COMMAND\n", to);
	roff_options(to, global_options);
	fputs(".SH EXIT STATUS\n", to);
#define X(name, code, meaning) fprintf(to, ".TP\n.B %d\n%s\n", (code), (meaning));
	EXIT_TABLE(X)
#undef X
	fputs(".SH ENVIRONMENT\n", to);
	for (const struct variable *v = variables; v->name; v++) {
		fprintf(to, ".TP\n.B %s\n", v->name);
		roff_line(to, "", v->help);
	}
}

void help_manual(FILE *to)
{
	fputs(".TH HALLMARK 1 \"\" \"hallmark " HALLMARK_VERSION "\" \"Hallmark\"\n"
	      ".SH NAME\nhallmark \\- the command line of the Hallmark model registry\n"
	      ".SH SYNOPSIS\n.B hallmark\n.I COMMAND\n[\\fIOPERAND\\fR ...] [\\fIOPTION\\fR ...]\n"
	      ".SH DESCRIPTION\n",
	      to);
	roff_line(to, "", intro);
	fputs(".PP\n", to);
	roff_line(to, "", reference_text_about);
	fputs(".PP\nData goes to standard output, everything else to standard error.\n"
	      ".SH COMMANDS\n",
	      to);
	for (const struct command *const *c = commands; *c; c++)
		roff_command(to, *c);
	roff_tables(to);
}

/* ---- the command ------------------------------------------------------------------ */

struct help_options {
	bool man;
};

static struct problem run(struct cli *cli, const void *given)
{
	const struct help_options *o = given;

	if (o->man)
		help_manual(stdout);
	else if (cli->count == 0)
		help_overview(stdout);
	if (o->man || cli->count == 0)
		return NO_PROBLEM;

	const char *name = cli->count == 2 ? arena_printf(cli->arena, "%s %s", cli->operands[0],
							  cli->operands[1])
					   : cli->operands[0];
	const struct command *c = command_find(name);
	size_t len = strlen(name), shown = 0;

	if (c) {
		help_command(stdout, c);
		return NO_PROBLEM;
	}
	for (const struct command *const *each = commands; *each; each++) {
		if (strncmp((*each)->name, name, len) != 0 || (*each)->name[len] != ' ')
			continue;
		if (shown++)
			putchar('\n');
		help_command(stdout, *each);
	}
	if (shown)
		return NO_PROBLEM;
	return problem(cli->arena, CLI_USAGE, "there is no command \"%s\"", name);
}

static const struct cli_option help_options[] = {
	{"man", 0, OPTION_FLAG, offsetof(struct help_options, man), NULL,
	 "Print the whole manual as a man page."},
	{.name = NULL},
};

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.most = 2,
	.summary = "Show what a command does, with examples",
	.options = help_options,
	.size = sizeof(struct help_options),
	.examples =
		(const struct example[]){
			{"How to register a version", "hallmark help push"},
			{"The manual, as installed", "hallmark help --man | man -l -"},
			{NULL, NULL},
		},
	.run = run,
};
