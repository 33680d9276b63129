#include "cli/cli.h"

#include <stdarg.h>

#include "base/json_out.h"
#include "cli/screen.h"

atomic_int cli_stop;

static void line(const struct cli *cli, const char *before, const char *text)
{
	/* Where both streams go to one place, their lines keep their order. */
	fflush(stdout);
	fprintf(stderr, "%s%s\n", before, screen_safe(cli->arena, text));
}

void cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->globals.quiet)
		return;
	va_start(ap, fmt);
	line(cli, "", arena_vprintf(cli->arena, fmt, ap));
	va_end(ap);
}

void cli_warn(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(cli, "warning: ", arena_vprintf(cli->arena, fmt, ap));
	va_end(ap);
}

void cli_print_json(const struct cli *cli, const json_t *tree)
{
	struct json_out j = json_out_new(cli->arena);

	jw_tree(&j, tree);
	puts(jw_done(&j));
}

static void release(void *tree)
{
	json_decref(tree);
}

json_t *cli_own(struct arena *a, json_t *tree)
{
	if (tree)
		arena_defer(a, release, tree);
	return tree;
}
