/* hallmark - the command line of the model registry. */
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_memory.h"
#include "base/json_out.h"
#include "cli/cli.h"
#include "cli/exit.h"
#include "cli/screen.h"

enum { ARENA_MOST = 1 << 30 };

/* The first signal asks for an orderly end, which keeps what can be resumed. */
static void on_signal(int number)
{
	(void)number;
	if (cli_stop)
		_exit(LEAVE_INTERRUPTED);
	cli_stop = 1;
}

static void listen_to_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN; /* a closed pipe is an error of write(2) */
	sigaction(SIGPIPE, &action, NULL);
}

static _Noreturn void out_of_memory(void *who)
{
	(void)who;
	fputs("hallmark: out of memory\n", stderr);
	_exit(LEAVE_FAILED);
}

/* RFC 9457, with the exit status as one more member. */
static void print_problem_json(const struct cli *cli, struct problem p, enum exit_code code)
{
	struct json_out j = json_out_new(cli->arena);

	jw_object(&j);
	jw_key(&j, "type"), jw_text(&j, exit_type_of(p.code));
	jw_key(&j, "title"), jw_text(&j, exit_meaning(code));
	jw_key(&j, "detail"), jw_text(&j, p.detail);
	jw_key(&j, "exit_status"), jw_int(&j, code);
	if (p.errors) {
		jw_key(&j, "errors"), jw_array(&j);
		for (const struct problem_error *e = p.errors; e; e = e->next) {
			jw_object(&j);
			if (e->pointer)
				jw_key(&j, "pointer"), jw_text(&j, e->pointer);
			if (e->parameter)
				jw_key(&j, "parameter"), jw_text(&j, e->parameter);
			if (e->header)
				jw_key(&j, "header"), jw_text(&j, e->header);
			jw_key(&j, "detail"), jw_text(&j, e->detail);
			jw_end_object(&j);
		}
		jw_end_array(&j);
	}
	jw_end_object(&j);
	fprintf(stderr, "%s\n", jw_done(&j));
}

static const char *place_of(const struct problem_error *e)
{
	return e->pointer ? e->pointer : e->parameter ? e->parameter : e->header;
}

static void print_problem(const struct cli *cli, struct problem p)
{
	const char *red = screen_colour(cli, stderr) ? "\033[31m" : "";

	fprintf(stderr, "%shallmark:%s %s\n", red, *red ? "\033[0m" : "",
		screen_safe(cli->arena, p.detail ? p.detail : ""));
	for (const struct problem_error *e = p.errors; e; e = e->next) {
		const char *where = place_of(e);
		bool said = p.detail && strcmp(e->detail, p.detail) == 0;

		if (where && *where)
			fprintf(stderr, "  %s%s%s\n", screen_safe(cli->arena, where),
				said ? "" : ": ", said ? "" : screen_safe(cli->arena, e->detail));
		else if (!said)
			fprintf(stderr, "  %s\n", screen_safe(cli->arena, e->detail));
	}
}

static enum exit_code conclude(struct cli *cli, struct problem p)
{
	enum exit_code code = exit_code_of(p.code);

	if (p.code != PROBLEM_NONE && cli_stop) {
		p.code = CLI_INTERRUPTED;
		p.detail = "interrupted. The same command goes on where this one ended";
		p.errors = NULL;
		code = LEAVE_INTERRUPTED;
	}
	if (p.code != PROBLEM_NONE && cli->globals.json)
		print_problem_json(cli, p, code);
	else if (p.code != PROBLEM_NONE)
		print_problem(cli, p);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == LEAVE_DONE) {
		perror("hallmark: standard output");
		return LEAVE_FAILED;
	}
	return code;
}

static struct problem run(struct cli *cli, char **argv)
{
	struct parsed parsed = {0};

	TRY(command_parse(cli->arena, argv, &cli->globals, &parsed));
	if (!cli->globals.ca_file)
		cli->globals.ca_file = getenv("HALLMARK_CA_FILE");
	cli->operands = parsed.operands;
	cli->count = parsed.count;
	cli->colour = screen_colour(cli, stdout);
	cli->progress = isatty(STDERR_FILENO) && !cli->globals.no_progress && !cli->globals.quiet &&
			!cli->globals.json;
	return parsed.command->run(cli, parsed.options);
}

int main(int argc, char **argv)
{
	struct cli cli = {.arena = arena_new(ARENA_MOST)};

	(void)argc;
	setlocale(LC_CTYPE, "");
	if (!cli.arena || sodium_init() < 0)
		out_of_memory(NULL);
	arena_on_full(cli.arena, out_of_memory, NULL);
	json_on_full(out_of_memory);
	listen_to_signals();

	enum exit_code code = conclude(&cli, run(&cli, argv));

	http_free(cli.http);
	arena_free(cli.arena);
	return (int)code;
}
